//! Files that players bring: every kind is read as it was written, and none does any harm.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use hound::SampleFormat;
use keyboardia_audio::{
    import::import,
    take::{Settings, Shape, finish},
};
use keyboardia_session::sample::check_wav;
use keyboardia_tests::soundfiles::{FRAMES, MP3_FRAMES, RATE, Verdict, bad, flac, good, judge, mp3, ogg, tones, wav};

/// Largest difference of two sounds.
fn off(some: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    assert_eq!(some.len(), other.len());
    let pairs = some.iter().zip(other).flat_map(|(a, b)| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b)
    });
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn wav_files_of_every_depth_and_rate_are_read_to_their_last_bit() {
    for channels in [1, 2] {
        let sound = tones(channels, FRAMES);
        for rate in [8_000, 44_100, 48_000, 192_000] {
            for (bits, format, most) in [
                (8, SampleFormat::Int, 1.0 / 256.0),
                (16, SampleFormat::Int, 1.0 / 65_536.0),
                (24, SampleFormat::Int, 1e-7),
                (32, SampleFormat::Int, 1e-7),
                (32, SampleFormat::Float, 0.0),
            ] {
                let take = import(wav(&sound, rate, bits, format)).unwrap();
                assert_eq!(take.rate_hz(), rate);
                let off = off(take.channels(), &sound);
                assert!(off <= most * 1.01, "{bits} bits, {format:?}: off by {off}");
            }
        }
    }
}

#[test]
fn flac_is_read_to_its_last_bit_and_ogg_nearly_both_to_the_frame() {
    for channels in [1, 2] {
        let sound = tones(channels, FRAMES + 7);
        for rate in [44_100, 48_000] {
            assert!(off(import(flac(&sound, rate)).unwrap().channels(), &sound) < 1e-4);
            let take = import(ogg(&sound, rate)).unwrap();
            assert_eq!(take.rate_hz(), rate);
            assert!(off(take.channels(), &sound) < 0.1, "{}", off(take.channels(), &sound));
        }
    }
}

#[test]
fn mp3_is_read_with_or_without_a_tag_in_front() {
    let bare = import(mp3(20, 24)).unwrap();
    assert_eq!((bare.rate_hz(), bare.channels().len(), bare.frames()), (RATE, 1, 20 * MP3_FRAMES));
    let sound = &bare.channels()[0];
    let loudest = sound.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    assert!((0.01..1.0).contains(&loudest), "peak {loudest}");
    // Line 24 lies at 1 021 Hz: about that often a second it crosses zero upwards.
    let middle = &sound[RATE as usize / 10..RATE as usize / 10 + 9_600];
    let rises = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count() * 5;
    assert!((900..1_150).contains(&rises), "{rises} Hz");
    let tagged = [&b"ID3\x04\0\0\0\0\x01\x00"[..], &[0; 128], &mp3(20, 24)].concat();
    assert_eq!(import(tagged).unwrap(), bare);
}

#[test]
fn every_good_file_becomes_a_sample() {
    for (name, bytes) in good() {
        let take = import(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        for shape in [Shape::OneShot, Shape::WholeLoop] {
            let finished = finish(&take, &Settings::new(shape, 3)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(check_wav(&finished.wav), Ok(finished.info), "{name}");
        }
    }
}

#[test]
fn every_bad_file_gets_a_sentence_or_is_a_sound_and_does_no_harm() {
    for seed in [1, 0x5eed, 20_261_125] {
        println!("seed {seed}");
        let files = bad(seed);
        assert!(files.len() > 500, "{} files", files.len());
        for file in files {
            match judge(&file.bytes) {
                Verdict::Harm(harm) => panic!("{}: {harm}", file.name),
                Verdict::Sound(take) => {
                    // Whatever was made of it, it goes on as any other.
                    let _ = finish(&take, &Settings::new(Shape::OneShot, 3));
                }
                Verdict::Sentence(_) => {}
            }
        }
    }
}

#[test]
fn what_is_cut_off_endless_or_impossible_is_refused() {
    let files = bad(1);
    let said = |name: &str| {
        let file = files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name}"));
        match judge(&file.bytes) {
            Verdict::Sentence(text) => text,
            other => panic!("{name}: {other:?}"),
        }
    };
    let endless = "The sound is too long: it lasts more than 80 seconds.";
    for (name, text) in [
        ("16-bit WAV, 7 tenths of it", "The WAV file is cut off: it is not as long as it says."),
        ("FLAC, 7 tenths of it", "The FLAC file is cut off: it is not as long as it says."),
        ("a WAV file of six channels", "The sound has 6 channels; it can have one or two."),
        ("a WAV file of 7 999 Hz", "The sound has 7999 samples a second; it can have 8000 to 192000."),
        ("a WAV file of 384 kHz", "The sound has 384000 samples a second; it can have 8000 to 192000."),
        ("a WAV file of no frames", "There is no sound in the file."),
        ("a WAV file with what is no number", "The sound is damaged: some of its samples are no numbers."),
        ("a FLAC file of another sound by its sum", "The FLAC file is damaged."),
        ("an endless FLAC file of nothing", endless),
        ("an endless FLAC file that does not say so", endless),
        ("an endless Ogg file of nothing", endless),
        ("an endless MP3 file", endless),
        ("a text", "The file is not a WAV, Ogg Vorbis, MP3 or FLAC sound."),
    ] {
        assert_eq!(said(name), text, "{name}");
    }
}
