//! Lets the player's threads save, open and export, one of each kind at a time, and says what came of it.

use super::{Bouncing, Keep, Opening, Reach, question::Question};
use crate::{
    ClientSet,
    link::{Destination, Link},
    screen::{Go, Screen},
    theme::{self, Rgb},
    toasts::Toasts,
};
use bevy::{prelude::*, window::FileDragAndDrop};
use keyboardia_player::{
    errand::Errand,
    export::{BounceRequest, Bounced},
    keep::{self, ENDING, Kept},
};
use std::{path::Path, sync::Arc};

/// Said when something is to be begun that goes on already.
const BUSY: &str = "One thing at a time: the last one is not done yet.";
/// Said when there is nothing to be kept.
const NO_SESSION: &str = "There is no session to be kept.";

/// A saved session that was read.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) kept: Arc<Kept>,
    pub(super) reach: Reach,
    /// What its file is called.
    pub(super) name: String,
}

/// What goes on just now.
#[derive(Resource, Default)]
pub(super) struct Errands {
    save: Option<Errand<String>>,
    open: Option<(Errand<Arc<Kept>>, Opening)>,
    pub(super) bounce: Option<Errand<String>>,
    pub(super) capture: Option<Errand<String>>,
    /// What is said when the next jam begins.
    greeting: Option<String>,
}

impl Errands {
    /// Leaves the present session, if there is one, for one that was saved.
    pub(super) fn go_to(&mut self, opened: Opened, go: &mut MessageWriter<Go>) {
        let Opened { kept, reach, name } = opened;
        self.greeting = Some(format!("Opened “{name}”."));
        go.write(Go::Join(Destination::Kept { kept, to_network: reach == Reach::Network }));
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Errands>()
        .add_systems(Update, (take_dropped, begin, watch).chain().in_set(ClientSet::Act))
        .add_systems(OnEnter(Screen::Jam), greet);
}

/// Whether a file is a saved session, by its ending.
pub(crate) fn is_session(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(ENDING))
}

/// A saved session that falls on the window is opened.
fn take_dropped(mut files: MessageReader<FileDragAndDrop>, mut wishes: MessageWriter<Keep>) {
    for file in files.read() {
        if let FileDragAndDrop::DroppedFile { path_buf, .. } = file
            && is_session(path_buf)
        {
            wishes.write(Keep::Open(Opening { path: Some(path_buf.clone()), reach: None, is_sure: false }));
        }
    }
}

/// Begins what has a place.
fn begin(
    mut wishes: MessageReader<Keep>,
    link: Res<Link>,
    time: Res<Time<Real>>,
    mut errands: ResMut<Errands>,
    mut toasts: ResMut<Toasts>,
) {
    for wish in wishes.read() {
        let errands = &mut *errands;
        let begun = match wish.clone() {
            Keep::Save(Some(path)) => start(&mut errands.save, || link.save(path)),
            Keep::Open(opening) => match opening.path.clone() {
                Some(path) => start(&mut errands.open, || Some((keep::open(path), opening))),
                None => Ok(()),
            },
            Keep::Bounce(Bouncing { bars, stems }, Some(path)) => {
                let what = if stems { Bounced::Stems(path) } else { Bounced::Master(path) };
                start(&mut errands.bounce, || link.bounce(BounceRequest { bars, what }))
            }
            Keep::Capture(Some(path)) => start(&mut errands.capture, || link.capture(path)),
            Keep::EndBounce => {
                errands.bounce.iter().for_each(Errand::end);
                Ok(())
            }
            Keep::EndCapture => {
                errands.capture.iter().for_each(Errand::end);
                Ok(())
            }
            Keep::Save(None) | Keep::Bounce(_, None) | Keep::Capture(None) | Keep::ToggleExport => Ok(()),
        };
        if let Err(why) = begun {
            toasts.say(time.elapsed(), why.into(), theme::WARNING);
        }
    }
}

/// Begins something that does not go on already.
fn start<T>(place: &mut Option<T>, begin: impl FnOnce() -> Option<T>) -> Result<(), &'static str> {
    if place.is_some() {
        return Err(BUSY);
    }
    *place = begin();
    if place.is_some() { Ok(()) } else { Err(NO_SESSION) }
}

/// Says what has come of what went on.
fn watch(
    time: Res<Time<Real>>,
    link: Res<Link>,
    screen: Res<State<Screen>>,
    mut errands: ResMut<Errands>,
    mut question: ResMut<Question>,
    mut toasts: ResMut<Toasts>,
    mut go: MessageWriter<Go>,
) {
    let Errands { save, bounce, capture, open, .. } = &mut *errands;
    for errand in [save, bounce, capture] {
        if let Some(outcome) = errand.as_ref().and_then(Errand::take) {
            *errand = None;
            let (text, colour): (String, Rgb) =
                outcome.map_or_else(|why| (why, theme::WARNING), |told| (told, theme::ACCENT));
            toasts.say(time.elapsed(), text, colour);
        }
    }
    let Some((outcome, opening)) = open.as_ref().and_then(|(errand, opening)| Some((errand.take()?, opening.clone())))
    else {
        return;
    };
    *open = None;
    match outcome {
        Err(why) => toasts.say(time.elapsed(), why, theme::WARNING),
        Ok(kept) => {
            let present = if link.hosts_network() { Reach::Network } else { Reach::Alone };
            let name = opening.path.as_deref().and_then(Path::file_stem).unwrap_or_default();
            let (reach, name) = (opening.reach.unwrap_or(present), name.to_string_lossy().into_owned());
            let opened = Opened { kept, reach, name };
            if *screen.get() == Screen::Title || opening.is_sure {
                errands.go_to(opened, &mut go);
            } else {
                question.0 = Some(opened);
            }
        }
    }
}

/// Says which session was opened.
fn greet(time: Res<Time<Real>>, mut errands: ResMut<Errands>, mut toasts: ResMut<Toasts>) {
    if let Some(text) = errands.greeting.take() {
        toasts.say(time.elapsed(), text, theme::ACCENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_sessions_are_told_by_their_ending() {
        let [yes, large, no, none] =
            ["a.keyboardia", "/b/A.KEYBOARDIA", "a.wav", "keyboardia"].map(Path::new).map(is_session);
        assert!(yes && large && !no && !none);
    }

    #[test]
    fn one_of_a_kind_goes_on_at_a_time() {
        let mut place = None;
        assert_eq!(start(&mut place, || None::<u8>), Err(NO_SESSION));
        assert_eq!(start(&mut place, || Some(1)), Ok(()));
        assert_eq!((start(&mut place, || Some(2)), place), (Err(BUSY), Some(1)));
    }
}
