//! The protocol crate builds where there is no operating system.

use std::{
    env,
    io::{self, Write as _},
    path::Path,
    process::Command,
};

#[test]
fn the_protocol_builds_for_wasm() {
    if !has_target() {
        // Not `eprintln!`, which a passing test would swallow.
        let _ = writeln!(
            io::stderr(),
            "\n*** SKIPPED: the protocol crate was not built for {TARGET}: \
             `rustup target add {TARGET}` ***\n"
        );
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());

    let output = Command::new(cargo)
        .args(["build", "--package", "sockeye-protocol", "--target", TARGET])
        .arg("--target-dir")
        .arg(root.join("target/wasm"))
        .current_dir(root)
        .output()
        .unwrap();

    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    // The folder is named whether or not it is there.
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(folder.trim()).is_dir()
    })
}

const TARGET: &str = "wasm32-unknown-unknown";
