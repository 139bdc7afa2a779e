use std::{cell::RefCell, fmt::Display};

use bytes::Bytes;
use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{
    binary::owner_of,
    placeholder::{NUM, PLACEHOLDER},
};
use crate::{attachments::SHARED, queue::Queue};

/// The attachments found so far, depth first, which is the order of their numbers.
pub(super) struct Found(RefCell<Queue<Bytes>>);

impl Found {
    pub(super) fn new(before: Queue<Bytes>) -> Self {
        Self(RefCell::new(before))
    }

    pub(super) fn into_inner(self) -> Queue<Bytes> {
        self.0.into_inner()
    }

    fn add(&self, bytes: &[u8]) -> usize {
        let mut found = self.0.borrow_mut();
        found.push_back(owner_of(bytes, SHARED));
        found.len() - 1
    }
}

/// Serialises like `inner`, but bytes become attachments and placeholders in their stead.
pub(super) struct Extract<'a, T> {
    inner: T,
    found: &'a Found,
}

impl<'a, T> Extract<'a, T> {
    pub(super) fn new(inner: T, found: &'a Found) -> Self {
        Self { inner, found }
    }

    fn around<U>(&self, inner: U) -> Extract<'a, U> {
        Extract::new(inner, self.found)
    }
}

impl<T: Serialize + ?Sized> Serialize for Extract<'_, &T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(self.around(serializer))
    }
}

macro_rules! forward {
    ($($method:ident($($name:ident: $argument:ty),*);)*) => {
        $(fn $method(self, $($name: $argument),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        })*
    };
}

macro_rules! forward_compound {
    ($($method:ident($($name:ident: $argument:ty),*) -> $kind:ident;)*) => {
        $(fn $method(self, $($name: $argument),*) -> Result<Self::$kind, S::Error> {
            Ok(Extract::new(self.inner.$method($($name),*)?, self.found))
        })*
    };
}

impl<'a, S: Serializer> Serializer for Extract<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Extract<'a, S::SerializeSeq>;
    type SerializeTuple = Extract<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Extract<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Extract<'a, S::SerializeTupleVariant>;
    type SerializeMap = Extract<'a, S::SerializeMap>;
    type SerializeStruct = Extract<'a, S::SerializeStruct>;
    type SerializeStructVariant = Extract<'a, S::SerializeStructVariant>;

    fn serialize_bytes(self, bytes: &[u8]) -> Result<S::Ok, S::Error> {
        let num = self.found.add(bytes);
        let mut placeholder = self.inner.serialize_struct("Placeholder", 2)?;
        placeholder.serialize_field(PLACEHOLDER, &true)?;
        placeholder.serialize_field(NUM, &num)?;
        placeholder.end()
    }

    forward! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    forward_compound! {
        serialize_seq(len: Option<usize>) -> SerializeSeq;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.around(value);
        self.inner.serialize_some(&value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.around(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.around(value);
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($kind:ident::$method:ident;)*) => {
        $(impl<C: $kind> $kind for Extract<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let value = self.around(value);
                self.inner.$method(&value)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($kind:ident)*) => {
        $(impl<C: $kind> $kind for Extract<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                let value = self.around(value);
                self.inner.serialize_field(key, &value)
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

impl<C: SerializeMap> SerializeMap for Extract<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = self.around(value);
        self.inner.serialize_value(&value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}
