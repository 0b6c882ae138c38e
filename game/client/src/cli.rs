//! The command line.

use bevy::prelude::{Resource, UVec2};
use clap::Parser;
use keyboardia_session::Name;
use std::path::PathBuf;

/// Default size of the window, logical pixels.
const SIZE: UVec2 = UVec2::new(1280, 720);
/// Smallest and largest window, logical pixels.
pub(crate) const SIZE_RANGE: (UVec2, UVec2) = (UVec2::new(900, 520), UVec2::new(7680, 4320));

/// Keyboardia: a multiplayer clip-grid instrument. Without arguments it begins at the title.
#[derive(Resource, Debug, Clone, Parser)]
#[command(name = "keyboardia", version, about)]
// Each is a switch of its own on the command line; clap sees to which go together.
#[allow(clippy::struct_excessive_bools)]
pub struct Cli {
    /// Join a session: the host's address and the session's five words.
    #[arg(long, num_args = 2, value_names = ["ADDRESS", "CODE"], conflicts_with_all = ["title", "port"])]
    pub join: Option<Vec<String>>,
    /// Play alone at once: a jam that nobody else can join.
    #[arg(long, conflicts_with_all = ["join", "host", "title"])]
    pub play: bool,
    /// Host at once: a jam that others on the network can join.
    #[arg(long, conflicts_with_all = ["join", "title"])]
    pub host: bool,
    /// What the others shall call you.
    #[arg(long, value_parser = name)]
    pub name: Option<Name>,
    /// Port of the host in this window; any free one is taken when the usual one is in use.
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..i64::from(u16::MAX)))]
    pub port: Option<u16>,
    /// Directory of the sound library.
    #[arg(long, value_name = "DIR")]
    pub sounds: Option<PathBuf>,
    /// Open no sound device.
    #[arg(long)]
    pub silent: bool,
    /// Begin with the title, as without a script; a script hosts a jam otherwise.
    #[arg(long)]
    pub title: bool,
    /// Size of the window in logical pixels; else as large as the last time, or 1280x720.
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<UVec2>,
    /// Let a script play, see the README of game/client.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Directory for the script's screenshots.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub shots: PathBuf,
}

impl Default for Cli {
    fn default() -> Self {
        Self {
            join: None,
            play: false,
            host: false,
            name: None,
            port: None,
            sounds: None,
            silent: false,
            title: false,
            size: None,
            script: None,
            shots: ".".into(),
        }
    }
}

impl Cli {
    /// Address and code of the session to join, if one was named.
    pub(crate) fn join(&self) -> Option<(&str, &str)> {
        match self.join.as_deref() {
            Some([address, code]) => Some((address, code)),
            _ => None,
        }
    }

    /// Size of the window, logical pixels, where `last` is the size that it had before. Scripts always play in the
    /// same one.
    pub(crate) fn window_size(&self, last: Option<(u32, u32)>) -> UVec2 {
        let last = last.filter(|_| self.script.is_none()).map(UVec2::from);
        self.size.or(last).unwrap_or(SIZE)
    }
}

fn name(text: &str) -> Result<Name, &'static str> {
    Some(Name::sanitised(text)).filter(|name| !name.is_empty()).ok_or("a name needs at least one letter")
}

/// Reads a size such as `1280x720`.
pub(crate) fn size(text: &str) -> Result<UVec2, String> {
    let (least, most) = SIZE_RANGE;
    let parsed =
        text.split_once('x').and_then(|(width, height)| Some(UVec2::new(width.parse().ok()?, height.parse().ok()?)));
    let size = parsed.ok_or_else(|| format!("“{text}” is no size; write it like 1280x720"))?;
    if size.cmplt(least).any() || size.cmpgt(most).any() {
        return Err(format!("a window may have {}x{} to {}x{} pixels", least.x, least.y, most.x, most.y));
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("keyboardia").chain(arguments.iter().copied()))
    }

    #[test]
    fn without_arguments_everything_has_its_default() {
        let cli = parse(&[]).unwrap();
        assert_eq!(format!("{cli:?}"), format!("{:?}", Cli::default()));
        assert_eq!(cli.join(), None);
    }

    #[test]
    fn join_takes_an_address_and_a_code() {
        let cli = parse(&["--join", "192.168.1.5", "able-acid-aged-also-area", "--name", " Ada "]).unwrap();
        assert_eq!(cli.join(), Some(("192.168.1.5", "able-acid-aged-also-area")));
        assert_eq!(cli.name.map(|name| name.to_string()), Some("Ada".into()));
        assert!(parse(&["--join", "192.168.1.5"]).is_err());
        assert!(parse(&["--join", "a", "b", "--port", "7000"]).is_err(), "a guest has no port");
    }

    #[test]
    fn sizes_are_read_and_bounded() {
        assert_eq!(size("1024x600"), Ok(UVec2::new(1024, 600)));
        for wrong in ["", "1024", "1024x", "x600", "10x10", "99999x99999", "-5x600", "1024×600"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_window_is_as_large_as_said_else_as_before() {
        let last = Some((1000, 700));
        assert_eq!(parse(&["--size", "1024x600"]).unwrap().window_size(last), UVec2::new(1024, 600));
        assert_eq!(parse(&[]).unwrap().window_size(last), UVec2::new(1000, 700));
        assert_eq!(parse(&["--script", "file"]).unwrap().window_size(last), SIZE);
    }

    #[test]
    fn a_name_of_nothing_is_refused() {
        assert!(parse(&["--name", " \u{200b} "]).is_err());
    }
}
