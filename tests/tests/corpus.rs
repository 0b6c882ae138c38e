//! What fuzzers start from and what they have found, as ordinary tests. `KEYBOARDIA_CORPUS=refresh ./test corpus` makes
//! the seeds anew, for when a message has changed its shape.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Command,
    wire::{self, ClientMessage, HostMessage},
};
use keyboardia_tests::fuzz::{TARGETS, seeds};
use std::{
    collections::{BTreeSet, HashSet},
    fs,
    mem::{Discriminant, discriminant},
    path::{Path, PathBuf},
};

/// Files of all corpora together, and their bytes.
const FILES_MAX: usize = 300;
const BYTES_MAX: usize = 1_000_000;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// What is in a corpus.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = corpus(target);
    let files = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_target_holds_for_its_corpus_and_its_seeds() {
    let is_refresh = std::env::var("KEYBOARDIA_CORPUS").is_ok_and(|value| value == "refresh");
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} begins with nothing");
        for (number, bytes) in seeds.iter().enumerate() {
            if is_refresh {
                fs::create_dir_all(corpus(name)).unwrap();
                fs::write(corpus(name).join(format!("seed-{number:03}")), bytes).unwrap();
            }
            target(bytes);
        }
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "the corpus of {name} is empty");
        for (path, bytes) in inputs {
            println!("{}", path.display());
            target(&bytes);
        }
    }
}

#[test]
fn the_corpora_are_small() {
    let sizes: Vec<usize> = TARGETS.iter().flat_map(|(name, _)| inputs(name)).map(|(_, bytes)| bytes.len()).collect();
    let bytes: usize = sizes.iter().sum();
    println!("{} files, {bytes} bytes", sizes.len());
    assert!(sizes.len() <= FILES_MAX && bytes <= BYTES_MAX, "{} files, {bytes} bytes", sizes.len());
}

/// The matches fail to compile when a message is added, and are the reminder to make a seed of it.
#[test]
fn every_kind_of_message_is_a_seed() {
    let seeds: BTreeSet<Vec<u8>> =
        seeds("wire").into_iter().map(|bytes| [&wire::encode(&ClientMessage::Resync)[..1], &bytes].concat()).collect();
    let client: Vec<ClientMessage> = seeds.iter().filter_map(|bytes| wire::decode(bytes).ok()).collect();
    let host: Vec<HostMessage> = seeds.iter().filter_map(|bytes| wire::decode(bytes).ok()).collect();
    let kinds: HashSet<Discriminant<ClientMessage>> = client.iter().map(discriminant).collect();
    let host_kinds: HashSet<Discriminant<HostMessage>> = host.iter().map(discriminant).collect();
    let count = |message: &ClientMessage| match message {
        ClientMessage::Command { .. } | ClientMessage::Report(_) | ClientMessage::Cursor(_) | ClientMessage::Resync => {
            4
        }
    };
    let host_count = |message: &HostMessage| match message {
        HostMessage::Welcome { .. }
        | HostMessage::Snapshot { .. }
        | HostMessage::Event(_)
        | HostMessage::Durable(_)
        | HostMessage::Refused { .. }
        | HostMessage::Malformed(_)
        | HostMessage::History { .. }
        | HostMessage::Report { .. }
        | HostMessage::Cursor { .. }
        | HostMessage::Beacon(_)
        | HostMessage::Farewell(_) => 11,
    };
    assert_eq!(kinds.len(), count(&client[0]));
    assert_eq!(host_kinds.len(), host_count(&host[0]), "{host:?}");
    let commands: HashSet<Discriminant<Command>> = client
        .iter()
        .filter_map(|message| match message {
            ClientMessage::Command { command, .. } => Some(discriminant(command)),
            _ => None,
        })
        .collect();
    assert_eq!(commands.len(), 20, "every command");
}
