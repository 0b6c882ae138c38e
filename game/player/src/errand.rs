//! Something that takes a while: done on a thread of its own, watched from the window, and left when nobody wants it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{
        AtomicBool, AtomicU32,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Said when there is no thread for it.
const NO_THREAD: &str = "This machine cannot start another thread.";

/// What has become of it: something, or a sentence that says why not.
type Outcome<T> = Result<T, String>;

/// The watcher's end.
pub struct Errand<T> {
    task: Task,
    outcome: Arc<Mutex<Option<Outcome<T>>>>,
}

/// The worker's end.
#[derive(Clone, Default)]
pub struct Task(Arc<State>);

#[derive(Default)]
struct State {
    /// An `f32`, 0 … 1.
    share: AtomicU32,
    ends: AtomicBool,
}

impl<T: Send + 'static> Errand<T> {
    /// Begins it, on a thread of this name.
    pub fn start(name: &str, work: impl FnOnce(&Task) -> Outcome<T> + Send + 'static) -> Self {
        let (task, outcome) = (Task::default(), Arc::<Mutex<Option<Outcome<T>>>>::default());
        let (own, result) = (task.clone(), outcome.clone());
        let put = |result: &Mutex<_>, outcome| *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        let work = move || put(&result, work(&own));
        if std::thread::Builder::new().name(name.into()).spawn(work).is_err() {
            put(&outcome, Err(NO_THREAD.into()));
        }
        Self { task, outcome }
    }

    /// How much of it is done, 0 … 1.
    pub fn share(&self) -> f32 {
        f32::from_bits(self.task.0.share.load(Relaxed))
    }

    /// Asks it to come to its end: what can be left is left, what was begun and counts as it is, is closed.
    pub fn end(&self) {
        self.task.0.ends.store(true, Release);
    }

    /// What has become of it, once; nothing before.
    pub fn take(&self) -> Option<Outcome<T>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Task {
    /// Tells how much is done, 0 … 1.
    pub(crate) fn is_done(&self, share: f64) {
        self.0.share.store((share as f32).to_bits(), Relaxed);
    }

    /// Whether it is to come to its end.
    pub(crate) fn ends(&self) -> bool {
        self.0.ends.load(Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn result<T: Send + 'static>(errand: &Errand<T>) -> Outcome<T> {
        loop {
            if let Some(outcome) = errand.take() {
                return outcome;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn an_errand_tells_how_far_it_is_and_ends_when_asked() {
        let errand = Errand::start("test", |task| {
            task.is_done(0.5);
            while !task.ends() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(7)
        });
        while errand.share() < 0.5 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(errand.take(), None);
        errand.end();
        assert_eq!((result(&errand), errand.take()), (Ok(7), None));
    }
}
