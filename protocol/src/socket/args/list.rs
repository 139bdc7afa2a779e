use std::io;

use bytes::Bytes;
use serde::{
    Serialize, Serializer,
    ser::{self, Impossible, SerializeSeq, SerializeTuple},
};

use super::extract::{Extract, Found};
use crate::queue::Queue;

/// Writes `[name, args…]` and returns the attachments: `found` and those of the arguments.
///
/// A tuple is a list of arguments, `()` is none, anything else is one.
pub(in crate::socket) fn write_args<T: Serialize + ?Sized>(
    out: &mut impl io::Write,
    name: Option<&str>,
    args: &T,
    found: Queue<Bytes>,
) -> Result<Queue<Bytes>, serde_json::Error> {
    let found = Found::new(found);
    let mut json = serde_json::Serializer::new(out);
    let mut array = json.serialize_seq(None)?;
    if let Some(name) = name {
        SerializeSeq::serialize_element(&mut array, name)?;
    }
    let list = List {
        array: &mut array,
        found: &found,
    };
    match args.serialize(list) {
        Ok(()) => {}
        Err(ListError::NotAList) => {
            SerializeSeq::serialize_element(&mut array, &Extract::new(args, &found))?;
        }
        Err(ListError::Json(error)) => return Err(error),
    }
    SerializeSeq::end(array)?;
    Ok(found.into_inner())
}

/// Serialises the elements of a tuple into the array and refuses all else untouched.
struct List<'a, A> {
    array: &'a mut A,
    found: &'a Found,
}

#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error("not a tuple")]
    NotAList,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl ser::Error for ListError {
    fn custom<M: std::fmt::Display>(message: M) -> Self {
        Self::Json(ser::Error::custom(message))
    }
}

impl<A: SerializeSeq<Error = serde_json::Error>> SerializeTuple for List<'_, A> {
    type Ok = ();
    type Error = ListError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ListError> {
        let element = Extract::new(value, self.found);
        Ok(SerializeSeq::serialize_element(self.array, &element)?)
    }

    fn end(self) -> Result<(), ListError> {
        Ok(())
    }
}

type No = Impossible<(), ListError>;

macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $output:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$output, ListError> {
            Err(ListError::NotAList)
        })*
    };
}

impl<A: SerializeSeq<Error = serde_json::Error>> Serializer for List<'_, A> {
    type Ok = ();
    type Error = ListError;
    type SerializeSeq = No;
    type SerializeTuple = Self;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    fn serialize_tuple(self, _: usize) -> Result<Self, ListError> {
        Ok(self)
    }

    fn serialize_unit(self) -> Result<(), ListError> {
        Ok(())
    }

    refuse! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_i128(i128) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_u128(u128) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> No;
        serialize_tuple_struct(&'static str, usize) -> No;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No;
        serialize_map(Option<usize>) -> No;
        serialize_struct(&'static str, usize) -> No;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), ListError> {
        Err(ListError::NotAList)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), ListError> {
        Err(ListError::NotAList)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), ListError> {
        Err(ListError::NotAList)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Result<(), ListError> {
        Err(ListError::NotAList)
    }
}
