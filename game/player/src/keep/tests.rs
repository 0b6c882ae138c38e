use super::*;
use keyboardia_session::{Authority, Cell, Clip, Manifest, Micros, SceneId, SessionSetup, SoundId, TrackId};
use proptest::prelude::*;
use std::io::Cursor;

/// Bytes that a damaged file may make us keep, beyond its own.
const SLACK: usize = 1024;

/// The shortest sample that there is, of one value throughout.
fn wav(value: i16) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut sink =
        keyboardia_audio::wav::WavSink::new(&mut file, 1, 48_000, keyboardia_audio::wav::Depth::Bits16 { seed: 1 })
            .unwrap();
    sink.write(&vec![f32::from(value) / 32_768.0; 4_800]).unwrap();
    sink.finish().unwrap();
    file.into_inner()
}

/// The starter groove with these sounds on it.
fn song(sounds: &[Vec<u8>]) -> Song {
    let mut setup = SessionSetup::starter(&Manifest::builtin().unwrap());
    let clip = setup.tracks[0].clips[0].1.clone();
    for (index, wav) in (0..).zip(sounds) {
        let sound = SoundId::of_sample(SampleHash::of(wav));
        let cell = Cell::new(TrackId(index % 8), SceneId(7 - index / 8));
        setup.tracks.as_mut_slice()[usize::from(cell.track.0)]
            .set_clip(cell.scene, Some(Clip { sound, ..clip.clone() }));
    }
    Song::of(Authority::new(setup, Micros(1)).state())
}

fn kept(sounds: &[Vec<u8>]) -> Kept {
    let samples = sounds.iter().map(|wav| (SampleHash::of(wav), Arc::new(wav.clone()))).collect();
    Kept { song: song(sounds), samples }
}

fn written(kept: &Kept) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    write(&kept.song, |hash| kept.samples.get(&hash).cloned(), &mut file).unwrap();
    file.into_inner()
}

/// Files under any names, packed as ours are.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, options()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sentence(file: &[u8]) -> String {
    let sentence = read(file).unwrap_err().to_string();
    assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{sentence}");
    sentence
}

#[test]
fn what_is_written_is_read_and_written_again_byte_for_byte() {
    let sounds: Vec<Vec<u8>> = (1..=3).map(wav).collect();
    let kept = kept(&sounds);
    let file = written(&kept);
    let again = read(&file[..]).unwrap();
    assert_eq!(again, kept);
    assert_eq!(written(&again), file);
    let plain = written(&self::kept(&[]));
    assert_eq!(written(&read(&plain[..]).unwrap()), plain);
}

#[test]
fn what_could_not_be_had_is_counted_and_the_rest_opens() {
    let sounds: Vec<Vec<u8>> = (1..=3).map(wav).collect();
    let kept = kept(&sounds);
    let gone = SampleHash::of(&sounds[1]);
    let mut file = Cursor::new(Vec::new());
    let have = |hash| kept.samples.get(&hash).filter(|_| hash != gone).cloned();
    assert_eq!(write(&kept.song, have, &mut file).unwrap(), 1);
    let again = read(&file.get_ref()[..]).unwrap();
    assert_eq!((again.song.samples().len(), again.samples.len()), (3, 2));
}

#[test]
fn every_kind_of_wrong_file_gets_its_sentence() {
    let (one, other) = (wav(1), wav(2));
    let kept = kept(std::slice::from_ref(&one));
    let json = kept.song.to_json();
    let name = format!("samples/{}.wav", SampleHash::of(&one));
    for nothing in [&b""[..], b"PK", b"RIFF and more", &one, &json, &zip(&[]), &zip(&[("other.json", &json)])] {
        sentence(nothing);
    }
    assert!(sentence(&one).contains("not a saved session"));
    assert!(sentence(&zip(&[("song.json", &json), (&name, &other)])).contains("not what it was"));
    assert!(sentence(&zip(&[("song.json", &json), ("samples/../../evil.wav", &one)])).contains("does not belong"));
    assert!(sentence(&zip(&[("song.json", &json), (&name, &one), ("more", b"more")])).contains("does not belong"));
    let unwanted = format!("samples/{}.wav", SampleHash::of(&other));
    assert!(sentence(&zip(&[("song.json", &json), (&unwanted, &other)])).contains("does not belong"));
    let noise = b"no sound at all".to_vec();
    let strange = zip(&[
        ("song.json", &song(std::slice::from_ref(&noise)).to_json()),
        (&format!("samples/{}.wav", SampleHash::of(&noise)), &noise),
    ]);
    assert!(sentence(&strange).contains("cannot be played"));
    let newer = String::from_utf8(json.clone()).unwrap().replacen("\"version\": 1", "\"version\": 99", 1);
    assert!(sentence(&zip(&[("song.json", newer.as_bytes())])).contains("another version"));
    let large = vec![b' '; SONG_BYTES_MAX + 1];
    sentence(&zip(&[("song.json", &large)]));
}

#[test]
fn a_file_that_claims_more_than_it_has_is_not_believed() {
    let file = written(&kept(&[wav(1)]));
    // The local head of the score: method at 8, lengths at 18 and 22.
    let mut deflated = file.clone();
    deflated[8] = 8;
    assert!(sentence(&deflated).contains("another program"));
    for claimed in [u32::MAX, 0, 5] {
        let mut lying = file.clone();
        lying[18..22].copy_from_slice(&claimed.to_le_bytes());
        lying[22..26].copy_from_slice(&claimed.to_le_bytes());
        sentence(&lying);
    }
    let endless = file.chain(io::repeat(0));
    assert!(matches!(read(endless), Err(BadKept::TooLarge | BadKept::Damaged)));
    let mut trailing = written(&kept(&[]));
    trailing.extend_from_slice(&[0; SLACK]);
    sentence(&trailing);
}

#[test]
fn a_file_that_ends_too_early_is_refused_wherever_that_is() {
    let file = written(&kept(&[wav(1), wav(2)]));
    for length in (0..file.len()).step_by(97).chain(file.len() - 30..file.len()) {
        sentence(&file[..length]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn a_changed_byte_never_panics_and_never_changes_a_sound(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let kept = kept(&[wav(1), wav(2)]);
        let mut file = written(&kept);
        let at = at.index(file.len());
        file[at] = to;
        if let Ok(read) = read(&file[..]) {
            prop_assert_eq!(read.samples, kept.samples);
        }
    }

    #[test]
    fn sounds_of_any_number_and_order_come_back(values in prop::collection::btree_set(1..100_i16, 0..20)) {
        let sounds: Vec<Vec<u8>> = values.into_iter().map(wav).collect();
        let kept = kept(&sounds);
        let file = written(&kept);
        let again = read(&file[..]).unwrap();
        prop_assert_eq!(&again, &kept);
        prop_assert_eq!(written(&again), file);
    }
}
