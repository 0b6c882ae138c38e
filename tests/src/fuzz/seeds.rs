//! Where fuzzing begins: what real players and hosts say, made by the production code.

use super::{
    authority::{setup, step},
    seat,
};
use crate::world::{Dice, any_command};
use hound::{SampleFormat, WavSpec, WavWriter};
use keyboardia_session::{
    Authority, Avatar, Cell, Colour, Command, CommandId, Farewell, Manifest, Micros, Name, Outbox, Profile, SceneId,
    SeatId, SeatToken, SessionCode, SessionSetup, TrackId,
    api::JoinRequest,
    bridge::{self, FromHost, FromPlace, Parcel, Written},
    cursor::Pointer,
    denial::Denial,
    limits::{SAMPLE_FRAMES_MIN, SAMPLE_RATE_HZ},
    wire::{self, ClientMessage, HostMessage, Malformed, Probe, Report},
};
use std::{collections::BTreeSet, io::Cursor, mem::discriminant};

/// Commands that are rolled until every kind has come.
const ROLLS: u64 = 2_000;
/// Sequences of steps, and steps in each.
const SCRIPTS: u64 = 16;
const STEPS: u64 = 40;

/// Inputs of a target, each different; none for a name that is no target.
pub fn seeds(target: &str) -> BTreeSet<Vec<u8>> {
    match target {
        "wire" => wire(),
        "http" => http(),
        "wav" => wav(),
        "seat" => (0..4).map(heard).collect(),
        "authority" => (0..SCRIPTS).map(script).collect(),
        _ => BTreeSet::new(),
    }
}

/// Commands and edits, one of each kind.
fn commands() -> Vec<Command> {
    let mut dice = Dice::new(1);
    let mut kept: Vec<Command> = Vec::new();
    for _ in 0..ROLLS {
        let command = any_command(&mut dice);
        let is_known = |known: &Command| match (known, &command) {
            (Command::Edit(known), Command::Edit(edit)) => discriminant(known) == discriminant(edit),
            _ => discriminant(known) == discriminant(&command),
        };
        if !kept.iter().any(is_known) {
            kept.push(command);
        }
    }
    kept
}

fn client_messages() -> Vec<ClientMessage> {
    let report = Report { lead_us: 25_000, round_trip_us: 9_000, phase_error_us: -40 };
    let cell = Cell::new(TrackId(1), SceneId(2));
    let id = CommandId(7);
    let commands = commands().into_iter().map(|command| ClientMessage::Command { id, command });
    let others = [
        ClientMessage::Report(report),
        ClientMessage::Cursor(Pointer { at: None, records: Some(cell) }),
        ClientMessage::Resync,
    ];
    commands.chain(others).collect()
}

/// What an authority says to a player who says everything once, and what only a host says.
fn host_messages(setup: SessionSetup) -> Vec<Vec<u8>> {
    let mut now = Micros(1_790_000_000_000_000);
    let (mut authority, mut out) = (Authority::new(setup, now), Outbox::new());
    authority.keep_journal();
    // One of them is removed on the way.
    for player in 0..3 {
        let token = SeatToken([player; 32]);
        authority.admit(now, &token, Profile::default()).expect("a seat");
        authority.join(now, &token, &mut out).expect("a seat");
    }
    authority.handle(now, SeatId(0), b"?", &mut out);
    for message in client_messages() {
        now = now + 100_000;
        authority.handle(now, SeatId(0), &wire::encode(&message), &mut out);
        authority.wake(now, &mut out);
    }
    authority.written(authority.state().seq(), &mut out);
    authority.leave(now, SeatId(1), &mut out);
    authority.wake(now + 60_000_000, &mut out);
    let farewells = Farewell::ALL.map(|farewell| wire::encode(&HostMessage::Farewell(farewell)));
    // Whether the transport runs meanwhile is left to the dice: one beacon is enough.
    let beacon = wire::encode(&HostMessage::Beacon(now));
    let is_beacon = |bytes: &Vec<u8>| matches!(wire::decode(bytes), Ok(HostMessage::Beacon(_)));
    let said = out.into_iter().map(|outgoing| outgoing.bytes).filter(|bytes| !is_beacon(bytes));
    said.chain(farewells).chain([beacon]).collect()
}

/// Without their version, which the target sets.
fn wire() -> BTreeSet<Vec<u8>> {
    let client = client_messages().iter().map(wire::encode).collect::<Vec<_>>();
    let setup = SessionSetup::starter(&Manifest::builtin().expect("the shipped manifest"));
    let host = host_messages(setup.clone());
    let malformed = wire::encode(&HostMessage::Malformed(Malformed::OtherVersion(3)));
    let messages = client.into_iter().chain(host).chain([malformed]).chain(bridge_frames());
    let probe = Probe { sent: Micros(1), received: Micros(2), answered: Micros(3) };
    let state = Authority::new(setup, Micros(1_790_000_000_000_000)).state().encode();
    messages.map(|message| message[1..].to_vec()).chain([probe.encode().to_vec(), state]).collect()
}

/// What a host and a place say to each other, one of each kind.
fn bridge_frames() -> Vec<Vec<u8>> {
    let (token, bytes) = (SeatToken([3; 32]), wire::encode(&ClientMessage::Resync));
    let written = Written { snapshot: vec![7; 9], entries: vec![vec![1, 2], Vec::new()] };
    let from_host = [
        FromHost::Hello { epoch: 3, granted: Some(2) },
        FromHost::Whole { snapshot: vec![7; 9], seq: 9 },
        FromHost::Entries { entries: written.entries.clone(), seq: 9 },
        FromHost::Messages(vec![Parcel { lines: vec![1, 2], bytes: bytes.clone() }]),
        FromHost::Close { line: 1, why: Farewell::TooSlow },
        FromHost::Admitted { ask: 4, outcome: Ok(5) },
        FromHost::Admitted { ask: 4, outcome: Err(Denial::too_often(7)) },
        FromHost::Shift(-40_000),
        FromHost::Over,
    ];
    let profile = Profile { name: Some(Name::sanitised("Grace")), ..Profile::default() };
    let from_place = [
        FromPlace::Granted { epoch: 4, session: Some(written) },
        FromPlace::Held(9),
        FromPlace::Opened { line: 1, token: token.clone() },
        FromPlace::Heard { line: 1, bytes },
        FromPlace::Closed(1),
        FromPlace::Admit { ask: 4, token, profile },
        FromPlace::SamplesChanged,
    ];
    from_host.iter().map(bridge::encode).chain(from_place.iter().map(bridge::encode)).collect()
}

fn http() -> BTreeSet<Vec<u8>> {
    let code = SessionCode::from_entropy(0x1234_5678_9abc).to_string();
    let token = SeatToken(std::array::from_fn(|index| index as u8 * 9)).to_hex();
    let profile = Profile {
        name: Some(Name::sanitised("Grace Ω")),
        colour: Some(Colour([0x12, 0xab, 0xff])),
        avatar: Avatar::new(23),
    };
    let request = |profile: &Profile, token| serde_json::to_string(&JoinRequest::new(profile, token)).expect("JSON");
    let texts = [
        request(&Profile::default(), None),
        request(&profile, None),
        request(&profile, Some(&token)),
        r#"{"protocol":99,"new":[]}"#.into(),
        r#"{"name":"\u202eA\n\t\ud83d\ude00","protocol":5}"#.into(),
        "[[[[[[[[".into(),
        code.to_uppercase().replace('-', " "),
        code,
        format!("Bearer {token}"),
        token.to_uppercase(),
        token,
        "#8a93a6".into(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

/// The shortest samples, and files that are nearly samples.
fn wav() -> BTreeSet<Vec<u8>> {
    let write = |channels, sample_rate, frames: u32| {
        let spec = WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).expect("a header");
        for number in 0..frames * u32::from(channels) {
            writer.write_sample(number as i16).expect("a sample");
        }
        writer.finalize().expect("a file");
        file.into_inner()
    };
    let mono = write(1, SAMPLE_RATE_HZ, SAMPLE_FRAMES_MIN);
    let mut listed = mono[..36].to_vec();
    listed.extend(b"LIST\x03\0\0\0abc\0");
    listed.extend(&mono[36..]);
    listed[4] = listed[4].wrapping_add(12);
    let mut extended = [&mono[..36], &[0, 0], &mono[36..]].concat();
    (extended[4], extended[16]) = (extended[4].wrapping_add(2), 18);
    let others = [write(2, SAMPLE_RATE_HZ, SAMPLE_FRAMES_MIN), write(1, 44_100, 100), write(3, SAMPLE_RATE_HZ, 9)];
    others.into_iter().chain([mono[..100].to_vec(), mono, listed, extended]).collect()
}

/// A host says everything, and a player plays meanwhile.
fn heard(seed: u64) -> Vec<u8> {
    let (mut dice, mut bytes) = (Dice::new(seed), Vec::new());
    for message in host_messages(setup()) {
        bytes.push(seat::step::HEAR);
        bytes.extend(&message[1..]);
        match dice.below(8) {
            0 => bytes.extend([seat::step::PRESS, dice.below(4) as u8, dice.below(4) as u8]),
            1 => bytes.extend([seat::step::PROBE_NEAR, 4, 0, 9, 5, 0, 1, 2]),
            2 => bytes.extend([seat::step::POINT, 1, 2]),
            3 => bytes.extend([seat::step::REPORT, 3, 9, 9]),
            4 => bytes.extend([seat::step::PASS, 8, dice.roll() as u8, 2]),
            _ => {}
        }
    }
    bytes
}

/// Players of a session who do anything at all.
fn script(seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut bytes = vec![seed as u8];
    for player in 0..3 {
        bytes.extend([step::ADMIT, player, b'A', b'b', step::JOIN, player]);
    }
    for _ in 0..STEPS {
        let who = dice.below(12) as u8;
        match dice.below(16) {
            0 => bytes.extend([step::ADMIT, who, b' ', 0xe2]),
            1 => bytes.extend([step::JOIN, who]),
            2 => bytes.extend([step::LEAVE, who]),
            3 => bytes.extend([step::SAY_BYTES, who, 3, 0, 1, 2]),
            4 => bytes.push(step::WAKE),
            5 => bytes.extend([step::EARLIER, 4, 1, 1]),
            6 => bytes.extend([step::WRITTEN]),
            7 => bytes.extend([step::LOSE]),
            8 => bytes.extend([step::RESTORE]),
            9 if dice.below(4) == 0 => bytes.extend([step::RESTART]),
            10 | 11 => bytes.extend([step::PASS, dice.below(20) as u8, dice.roll() as u8, dice.roll() as u8]),
            kind => {
                let id = CommandId(dice.below(100) as u32);
                let message = match kind {
                    12 => ClientMessage::Report(Report { lead_us: dice.below(600_000) as u32, ..Report::default() }),
                    13 => ClientMessage::Command { id, command: Command::Undo },
                    _ => ClientMessage::Command { id, command: any_command(&mut dice) },
                };
                bytes.extend([step::SAY, dice.below(3) as u8]);
                bytes.extend(&wire::encode(&message)[1..]);
            }
        }
    }
    bytes
}
