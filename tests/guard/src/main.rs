#![forbid(unsafe_code)]
//! `guard [WORD]...` runs the cases whose id or title has one of the words, or all of them.

use std::{env, process::ExitCode};

use sockeye_guard::{
    canary, cases,
    kit::{Checked, Failure},
    run,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match guard(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

fn guard(arguments: &[String]) -> Checked<usize> {
    if let [first, rest @ ..] = arguments
        && first == "canaries"
    {
        return canary::run(rest).map(|()| 0);
    }
    let mut chosen = cases::all();
    chosen.retain(|case| {
        let has = |word: &String| case.id() == word || case.title().contains(&**word);
        arguments.is_empty() || arguments.iter().any(has)
    });
    if chosen.is_empty() {
        return Err(Failure::new(format!("no case has one of {arguments:?}")));
    }
    run::run(&env::current_exe()?, &chosen)
}
