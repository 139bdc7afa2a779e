use serde::{Serialize, Serializer, ser::SerializeTuple as _};

/// Values that are the argument list of an event, one argument each.
///
/// A `Vec` would be one argument, a list; this is for lists whose length is known only at run time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ArgsList<T>(pub Vec<T>);

impl<T: Serialize> Serialize for ArgsList<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for value in &self.0 {
            tuple.serialize_element(value)?;
        }
        tuple.end()
    }
}
