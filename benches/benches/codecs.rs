#![forbid(unsafe_code)]
//! The time that one call of each codec takes.

use std::fmt;

use sockeye_benches::codecs::{ALL, Make};

fn main() {
    divan::main();
}

#[divan::bench(args = ALL.iter().map(|&(name, make)| Named(name, make)))]
fn codec(bencher: divan::Bencher<'_, '_>, Named(_, make): &Named) {
    bencher.bench_local(make());
}

struct Named(&'static str, Make);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
