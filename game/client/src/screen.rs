//! The three screens, and the one way through them: Title → Joining → Jam, and back to the title with a reason.

use crate::{
    ClientSet,
    cli::Cli,
    link::{Destination, Link, Now},
    settings::Settings,
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
    // The title is no stage on the way of who knows where to go: nobody sees it, not even for a frame.
    let is_bound = destination(app.world().resource()).is_some();
    app.insert_state(if is_bound { Screen::Joining } else { Screen::Title })
        .init_resource::<Trouble>()
        .add_message::<Go>()
        .add_systems(Startup, begin)
        .add_systems(Update, (travel, arrive.run_if(not(in_state(Screen::Title)))).chain().in_set(ClientSet::Travel));
}

/// The game begins at the title, unless the command line or a script wants to be somewhere else.
fn begin(cli: Res<Cli>, mut go: MessageWriter<Go>) {
    if let Some(destination) = destination(&cli) {
        go.write(Go::Join(destination));
    }
}

fn destination(cli: &Cli) -> Option<Destination> {
    match cli.join() {
        Some((address, code)) => Some(Destination::Session { address: address.into(), code: code.into() }),
        None if cli.play => Some(Destination::Alone),
        None if cli.host || cli.script.is_some() && !cli.title => Some(Destination::Network),
        None => None,
    }
}

fn travel(
    mut wishes: MessageReader<Go>,
    settings: Res<Settings>,
    mut link: ResMut<Link>,
    mut trouble: ResMut<Trouble>,
    mut screen: ResMut<NextState<Screen>>,
) {
    for wish in wishes.read() {
        trouble.0 = None;
        match wish {
            Go::Join(destination) => match link.join(destination, &settings) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn start(arguments: &[&str]) -> Option<Destination> {
        destination(&Cli::parse_from(std::iter::once("keyboardia").chain(arguments.iter().copied())))
    }

    #[test]
    fn the_game_begins_at_the_title_unless_told_otherwise() {
        assert_eq!(start(&[]), None);
        assert_eq!(start(&["--play"]), Some(Destination::Alone));
        assert_eq!(start(&["--host"]), Some(Destination::Network));
        assert_eq!(start(&["--script", "file"]), Some(Destination::Network));
        assert_eq!(start(&["--script", "file", "--title"]), None);
        assert!(matches!(start(&["--join", "a", "b"]), Some(Destination::Session { .. })));
    }
}
