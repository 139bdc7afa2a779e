#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry point of the target of the same name.

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockeye_fuzz::proxy_header(data));
