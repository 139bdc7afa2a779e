//! The product that runs by itself: what the binary `sockeye` is made of.
//!
//! [`Cli`] is the command line and [`Settings::load`] merges it with the environment and the
//! configuration file. What the settings say about tokens is carried out by [`JwtVerifier`] and
//! [`Requirements`], about the HTTP API's key by [`ApiKey`], and what a start without any
//! settings invents is in [`DevMode`]. Nothing of these opens a socket, reads the process's
//! environment (but for [`environment`]) or a clock: all of it runs in unit tests. [`serve()`] puts
//! them together with the library and runs until a signal.
//!
//! Read [`settings`] first: everything else takes its shape from there.

mod api_key;
mod application;
mod cli;
mod client_events;
mod commands;
mod demo;
mod dev;
mod emit_api;
mod glob;
mod jwt;
mod log;
mod metrics;
mod refusals;
mod require;
mod serve;
mod session_cookie;
pub mod settings;

#[cfg(feature = "testing")]
pub(crate) use self::emit_api::{Audience, Emit};
pub use self::{
    api_key::ApiKey,
    application::ApplicationError,
    cli::{CheckArgs, Cli, Command, ServeArgs, TokenArgs, environment},
    commands::{CommandError, check, token},
    dev::{DevMode, DevModeError},
    jwt::{Claims, JwtError, JwtVerifier, sign},
    log::{Log, log_to_stderr},
    require::{AllowedValues, Forbidden, Requirements},
    serve::{ServeError, Stopped, serve},
    settings::{Loaded, Secret, Settings, SettingsError},
};
