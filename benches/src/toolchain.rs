use std::{fmt, io, process::Command};

use serde::{Deserialize, Serialize};

/// What instruction counts depend on beside our code and the lock file.
///
/// Not the processor: valgrind shows every program the same one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Toolchain {
    rustc: String,
    target: String,
    libc: String,
    valgrind: String,
}

impl Toolchain {
    pub(crate) fn find() -> io::Result<Self> {
        let verbose = output("rustc", &["-vV"])?;
        let field = |name: &str| {
            let mut lines = verbose.lines();
            let value = lines.find_map(|line| line.strip_prefix(name));
            value.unwrap_or("unknown").to_owned()
        };
        let libc = output("ldd", &["--version"])?;
        let libc = libc.lines().next().and_then(|line| line.rsplit(' ').next());
        Ok(Self {
            rustc: field("rustc "),
            target: field("host: "),
            libc: libc.unwrap_or("unknown").to_owned(),
            valgrind: output("valgrind", &["--version"])?.trim().to_owned(),
        })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rustc,
            target,
            libc,
            valgrind,
        } = self;
        write!(f, "rustc {rustc}, {target}, libc {libc}, {valgrind}")
    }
}

fn output(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| io::Error::other(format!("{program}: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
