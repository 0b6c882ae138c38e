#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keyboardia_fuzz::fuzz::seat(bytes));
