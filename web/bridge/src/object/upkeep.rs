//! What is due by itself: timers, alarms, sockets that have fallen silent, and the end.

use super::{Inner, Place, told};
use crate::{
    answer::Stop,
    attachment::{Attachment, Who},
    life,
    limits::{HELLO_US, HOST_LATE_US, HOST_LOOK_US, HOST_SILENCE_US, LOOK_US, RETRY_US, SILENCE_US},
    samples,
    shelf::Shelf,
};
use keyboardia_session::{Farewell, Micros, SeatId};
use std::{rc::Rc, time::Duration};
use worker::{
    Delay, Result, WebSocket, console_error,
    js_sys::{self, Array, Function, Reflect},
    wasm_bindgen::{JsCast, JsValue},
};

impl Inner {
    /// Does what is due: for an alarm, and for the timer.
    pub(super) async fn wake(self: &Rc<Self>) -> Result<()> {
        told(self.load())?;
        let clock = Self::clock();
        for (socket, attachment) in self.sockets() {
            if attachment.is_unnamed() && clock.0 >= attachment.since + HELLO_US {
                life::close(&socket, Farewell::Unnamed);
                told(self.lost(attachment))?;
            }
        }
        told(self.miss_the_host(clock))?;
        told(self.miss_the_silent(clock))?;
        if let Some(Place::Ours(life)) = self.place.borrow_mut().as_mut() {
            told(life.wake(self.now()))?;
        }
        let is_over = match self.place.borrow().as_ref() {
            Some(Place::Ours(life)) => life.is_over(self.now()),
            Some(Place::Hosted(_)) => false,
            None => true,
        };
        if is_over {
            *self.place.borrow_mut() = None;
            return self.end().await;
        }
        self.settle().await
    }

    /// Looks, now and then and never for its own sake, whose sockets have fallen silent: a way that breaks tells nobody.
    pub(super) fn miss_the_silent(&self, clock: Micros) -> std::result::Result<(), Stop> {
        if clock.since(self.looked_at.get()) < LOOK_US {
            return Ok(());
        }
        self.looked_at.set(clock);
        self.miss_the_host(clock)?;
        for (socket, pinged) in self.state.get_websockets().into_iter().zip(self.pinged()) {
            let Some(attachment) = Attachment::of(&socket) else { continue };
            let heard = match (attachment.who, self.place.borrow().as_ref()) {
                (Who::Seat(seat), Some(Place::Ours(life))) => life.heard(SeatId(seat)),
                (Who::Guest, Some(Place::Hosted(hosted))) => hosted.guest_heard(attachment.number),
                _ => None,
            };
            if heard.is_some_and(|heard| clock.since(heard.max(pinged)) > SILENCE_US) {
                life::close(&socket, Farewell::Silent);
                self.lost(attachment)?;
            }
        }
        Ok(())
    }

    /// Goes on without a host that has fallen silent.
    fn miss_the_host(&self, clock: Micros) -> std::result::Result<(), Stop> {
        let is_silent = self.host_heard().is_some_and(|(said, pinged)| said.max(pinged) + HOST_SILENCE_US <= clock);
        if is_silent { self.go_on_without_host() } else { Ok(()) }
    }

    /// When the session's host said something last, and when its last keep-alive came, if it has a host.
    fn host_heard(&self) -> Option<(Micros, Micros)> {
        let (epoch, said) = match self.place.borrow().as_ref() {
            Some(Place::Hosted(hosted)) => (hosted.epoch(), hosted.host_heard()),
            _ => return None,
        };
        let is_host = |socket: &WebSocket| Attachment::of(socket).is_some_and(|it| it.who == Who::Host(epoch));
        let sockets = self.state.get_websockets().into_iter().zip(self.pinged());
        let pinged = sockets.filter(|(socket, _)| is_host(socket)).map(|(_, pinged)| pinged).max();
        Some((said, pinged.unwrap_or_default()))
    }

    /// When the alarm is to look whether the session's host is there, if it has one. Seldom while the host says nothing but
    /// that it is: whatever else wakes the object looks, too.
    fn looks_at(&self) -> Option<Micros> {
        let (clock, (said, pinged)) = (Self::clock(), self.host_heard()?);
        let rests = pinged > said && pinged + HOST_LATE_US >= clock;
        Some(if rests { clock + HOST_LOOK_US } else { said.max(pinged) + HOST_SILENCE_US })
    }

    /// When the last keep-alive of each socket came, which was answered without the object; zero where none did.
    pub(super) fn pinged(&self) -> Vec<Micros> {
        let state: &JsValue = self.state.as_raw();
        let ask = |name: &str| Reflect::get(state, &name.into()).and_then(JsCast::dyn_into::<Function>);
        let (Ok(all), Ok(pinged)) = (ask("getWebSockets"), ask("getWebSocketAutoResponseTimestamp")) else {
            return Vec::new();
        };
        let sockets = all.call0(state).map(|all| Array::from(&all)).unwrap_or_default();
        let when = |socket: JsValue| {
            let at = pinged.call1(state, &socket).ok()?.dyn_into::<js_sys::Date>().ok()?;
            Some(Micros(at.get_time() as u64 * 1_000))
        };
        sockets.iter().map(|socket| when(socket).unwrap_or_default()).collect()
    }

    /// Forgets a session that is over, if there is one. Who comes while that is done finds none.
    pub(super) async fn end(&self) -> Result<()> {
        let storage = self.state.storage();
        let Ok((rows, _)) = Shelf::open(storage.sql()) else { return Ok(()) };
        let Ok(Some(code)) = rows.code() else { return Ok(()) };
        told(rows.end())?;
        if let Err(error) = samples::forget(&self.env, code).await {
            console_error!("the samples of a session are not gone: {error}");
            return storage.set_alarm(Duration::from_micros(RETRY_US)).await;
        }
        storage.delete_all().await
    }

    /// Sets the alarm and the timer for what is due next.
    pub(super) async fn settle(self: &Rc<Self>) -> Result<()> {
        let is_hosted = || matches!(*self.place.borrow(), Some(Place::Hosted(_)));
        if is_hosted() {
            told(self.miss_the_silent(Self::clock()))?;
        }
        if self.is_over.take() && self.place.borrow().is_none() {
            return self.end().await;
        }
        let (expires_at, due_at) = match self.place.borrow().as_ref() {
            Some(Place::Ours(life)) => (life.expires_at(), life.due_at()),
            Some(Place::Hosted(_)) | None => (None, None),
        };
        let looks_at = || self.looks_at().map(|at| at.offset(self.shift.get()));
        let expires_at = if is_hosted() && self.alarm_at.get().is_none() { looks_at() } else { expires_at };
        let newcomers = self.sockets().filter(|(_, attachment)| attachment.is_unnamed());
        let hello = newcomers.map(|(_, attachment)| Micros(attachment.since + HELLO_US).offset(self.shift.get())).min();
        if let Some(at) = [due_at, hello].into_iter().flatten().min() {
            self.set_timer(at);
        }
        // An alarm that is set too early finds nothing to do, and is set again.
        if let Some(at) = expires_at.filter(|at| self.alarm_at.get().is_none_or(|set| *at < set)) {
            self.alarm_at.set(Some(at));
            self.state.storage().set_alarm(self.until(at)).await?;
        }
        Ok(())
    }

    pub(super) fn set_timer(self: &Rc<Self>, at: Micros) {
        if self.timer_at.get().is_some_and(|set| set <= at) {
            return;
        }
        let number = self.timers.get() + 1;
        self.timers.set(number);
        self.timer_at.set(Some(at));
        let (inner, delay) = (self.clone(), self.until(at));
        self.state.wait_until(async move {
            Delay::from(delay).await;
            // One that was set later for something earlier has taken its place.
            if inner.timers.get() == number {
                inner.timer_at.set(None);
                if let Err(error) = inner.wake().await {
                    console_error!("what was due is not done: {error}");
                }
            }
        });
    }

    /// The time until then, in whole milliseconds, which is what clocks have here.
    pub(super) fn until(&self, at: Micros) -> Duration {
        Duration::from_millis((at.since(self.now()).max(0) as u64).div_ceil(1_000))
    }
}
