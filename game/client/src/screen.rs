//! The three screens, and the one way through them: Title → Joining → Jam, and back to the title with a reason.

use crate::{
    ClientSet,
    cli::Cli,
    link::{Destination, Link, Now},
};
use bevy::prelude::*;
use keyboardia_player::Connection;

/// What the window shows.
#[derive(States, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Screen {
    /// The name of the game, and the ways into a session.
    #[default]
    Title,
    /// On the way into a session.
    Joining,
    /// In a session.
    Jam,
}

/// Why the player is back at the title, as a sentence.
#[derive(Resource, Debug, Default)]
pub(crate) struct Trouble(pub(crate) Option<String>);

/// A wish to go somewhere, carried out at the next frame.
#[derive(Message, Debug, Clone)]
pub(crate) enum Go {
    /// Into a session.
    Join(Destination),
    /// Out of the session, to the title.
    Leave,
}

pub(super) fn plugin(app: &mut App) {
    app.init_state::<Screen>()
        .init_resource::<Trouble>()
        .add_message::<Go>()
        .add_systems(Startup, begin)
        .add_systems(Update, (travel, arrive.run_if(not(in_state(Screen::Title)))).chain().in_set(ClientSet::Travel));
}

/// Without a wish for the title, the game begins in a jam.
fn begin(cli: Res<Cli>, mut go: MessageWriter<Go>) {
    match cli.join() {
        Some((address, code)) => {
            go.write(Go::Join(Destination::Session { address: address.into(), code: code.into() }));
        }
        None if !cli.title => {
            go.write(Go::Join(Destination::OwnHost));
        }
        None => {}
    }
}

fn travel(
    mut wishes: MessageReader<Go>,
    mut link: ResMut<Link>,
    mut trouble: ResMut<Trouble>,
    mut screen: ResMut<NextState<Screen>>,
) {
    for wish in wishes.read() {
        trouble.0 = None;
        match wish {
            Go::Join(destination) => match link.join(destination) {
                Ok(()) => screen.set(Screen::Joining),
                Err(sentence) => fail(&mut trouble, &mut screen, sentence),
            },
            Go::Leave => {
                link.leave();
                screen.set(Screen::Title);
            }
        }
    }
}

/// Follows the connection into the jam, or back to the title.
fn arrive(
    now: Res<Now>,
    state: Res<State<Screen>>,
    mut link: ResMut<Link>,
    mut trouble: ResMut<Trouble>,
    mut screen: ResMut<NextState<Screen>>,
) {
    let Some(view) = now.player() else { return };
    match &view.connection {
        Connection::Connected if view.session.is_some() && *state.get() == Screen::Joining => screen.set(Screen::Jam),
        Connection::Failed(sentence) => {
            link.leave();
            fail(&mut trouble, &mut screen, sentence.clone());
        }
        Connection::Left => {
            link.leave();
            screen.set(Screen::Title);
        }
        Connection::Joining | Connection::Connected | Connection::Reconnecting(_) => {}
    }
}

fn fail(trouble: &mut Trouble, screen: &mut NextState<Screen>, sentence: String) {
    eprintln!("keyboardia: {sentence}");
    trouble.0 = Some(sentence);
    screen.set(Screen::Title);
}
