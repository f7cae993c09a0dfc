//! The fuzzer's entry to the target of this name.
#![no_main]

use mickai_fuzz::rpc::TARGET;

libfuzzer_sys::fuzz_target!(|data: &[u8]| mickai_fuzz::run(&TARGET, data));
