//! Embeds the client bundle of the demo page, if npm has installed it.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed={BUNDLE}");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let bundle = fs::read(BUNDLE).unwrap_or_default();
    fs::write(Path::new(&out).join("socket.io.min.js"), bundle).expect("OUT_DIR is writable");
}

const BUNDLE: &str = "demo/node_modules/socket.io-client/dist/socket.io.min.js";
