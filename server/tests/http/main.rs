//! The HTTP side of an engine, option by option, over real connections.

mod client_files;
mod compression;
mod cookie;
mod cors;
mod heads;
mod hooks;
mod login;
mod served;
mod transports;
