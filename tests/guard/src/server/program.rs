use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    kit::{Checked, Failure},
    settings::Settings,
};

/// Runs `sockeye check` with these settings.
///
/// # Errors
///
/// When there is no binary.
pub fn check(settings: &Settings) -> Checked<Output> {
    let directory = tempfile::tempdir()?;
    Ok(command(settings, directory.path(), "check")?.output()?)
}

/// Runs `sockeye serve` with settings that it refuses, to the end.
///
/// # Errors
///
/// When there is no binary, or it serves.
pub fn refused(settings: &Settings) -> Checked<Output> {
    let directory = tempfile::tempdir()?;
    let mut child = command(settings, directory.path(), "serve")?
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = &mut child.stdout {
        BufReader::new(output).read_line(&mut line)?;
    }
    if !line.is_empty() {
        let _ = child.kill();
        let _ = child.wait();
        return Err(Failure::new("it serves with these settings"));
    }
    Ok(child.wait_with_output()?)
}

pub(super) fn command(settings: &Settings, directory: &Path, subcommand: &str) -> Checked<Command> {
    let file = directory.join("sockeye.toml");
    fs::write(&file, settings.file())?;
    let program = released(BINARY, "sockeye")?;
    let mut words: Vec<OsString> = settings.wrapper().iter().map(OsString::from).collect();
    if let Some(most) = settings.most_descriptors() {
        let script = format!("ulimit -n {most} && exec \"$0\" \"$@\"");
        words.extend(["sh", "-c", &script].map(OsString::from));
    }
    words.push(program.into());
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command.arg(subcommand).arg("--config").arg(file);
    // The server knows every variable whose name begins like this one's.
    command.env_remove("SOCKEYE_BIN");
    command.envs(settings.variables());
    // To the server it would be a setting that there isn't.
    command.env_remove(BINARY);
    Ok(command)
}

/// Runs a command under strace, as a child of this process all the same.
pub(super) fn traced(command: &Command, trace: &Path) -> Command {
    let mut traced = Command::new("strace");
    traced.args([
        "-D",
        "-f",
        "-qq",
        "-s",
        "256",
        "-e",
        "trace=%file,socket,connect",
    ]);
    traced.arg("-o").arg(trace);
    traced.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced
}

/// Finds a released program: where a variable says, else in the target directory.
pub(super) fn released(variable: &str, name: &str) -> Checked<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let program =
        env::var_os(variable).map_or_else(|| target.join("release").join(name), PathBuf::from);
    match program.is_file() {
        true => Ok(program),
        false => Err(Failure::new(format!(
            "no {}: build it with `make release`, or say with {variable} where it is",
            program.display()
        ))),
    }
}

/// The variable that says where the binary is.
const BINARY: &str = "SOCKEYE_BIN";
