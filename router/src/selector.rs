use std::sync::Arc;

use sockeye_protocol::Sid;

/// A room's name, shared by all who hold it.
pub type RoomName = Arc<str>;

/// Who receives a broadcast: pure data, the same on every thread.
///
/// A socket is selected when it is in any of `rooms` (or `rooms` is empty), in none of
/// `except`, and passes the other conditions. It is selected once, however many rooms match.
/// A socket's own id counts as a room that only it is in.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// The rooms whose members are selected; empty for every socket of the namespace.
    pub rooms: Vec<RoomName>,
    /// The rooms whose members are left out.
    pub except: Vec<RoomName>,
    /// The socket that is left out: the sender, where there is one.
    pub sender: Option<Sid>,
    /// Whether only authenticated sockets are selected.
    pub authenticated: bool,
}

impl Selector {
    /// Selects the members of some rooms.
    #[must_use]
    pub fn rooms<R: Into<RoomName>>(rooms: impl IntoIterator<Item = R>) -> Self {
        Self {
            rooms: rooms.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

/// One room name or several.
///
/// Implemented for `&str`, `String`, [`Sid`], [`RoomName`], references to these, and for arrays, slices and vectors
/// of `&str`, `String` and [`RoomName`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a room name or a list of room names",
    note = "pass a `&str`, a `String`, a socket id, or an array, slice or `Vec` of room names"
)]
pub trait IntoRooms {
    /// Returns the names.
    fn into_rooms(self) -> Vec<RoomName>;
}

macro_rules! one {
    ($($type:ty),*) => {$(
        impl IntoRooms for $type {
            fn into_rooms(self) -> Vec<RoomName> {
                vec![self.into()]
            }
        }
    )*};
}
one!(&str, String, RoomName);

impl IntoRooms for &String {
    fn into_rooms(self) -> Vec<RoomName> {
        vec![self.as_str().into()]
    }
}

impl IntoRooms for &RoomName {
    fn into_rooms(self) -> Vec<RoomName> {
        vec![self.clone()]
    }
}

impl IntoRooms for &Sid {
    fn into_rooms(self) -> Vec<RoomName> {
        vec![self.as_str().into()]
    }
}

impl IntoRooms for Sid {
    fn into_rooms(self) -> Vec<RoomName> {
        vec![self.as_str().into()]
    }
}

impl<R: Into<RoomName>, const N: usize> IntoRooms for [R; N] {
    fn into_rooms(self) -> Vec<RoomName> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R: Into<RoomName>> IntoRooms for Vec<R> {
    fn into_rooms(self) -> Vec<RoomName> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R: Into<RoomName> + Clone> IntoRooms for &[R] {
    fn into_rooms(self) -> Vec<RoomName> {
        self.iter().cloned().map(Into::into).collect()
    }
}

impl<R: Into<RoomName> + Clone> IntoRooms for &Vec<R> {
    fn into_rooms(self) -> Vec<RoomName> {
        self.as_slice().into_rooms()
    }
}
