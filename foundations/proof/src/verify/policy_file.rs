//! A policy as a JSON file (spec/verdict.md "Input").

use super::policy::{Policy, Reference, TrustedKey};
use super::{Axis, Misuse};
use crate::digest::ChainId;
use crate::history::Statement;
use crate::limits;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use core::fmt;
use core::marker::PhantomData;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The members as they are written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Members {
    keys: Vec<String>,
    references: Vec<Object<Kept>>,
    #[serde(deserialize_with = "there")]
    require: Option<Vec<String>>,
    #[serde(deserialize_with = "there")]
    upto: Option<u64>,
    revocations: Vec<String>,
    #[serde(deserialize_with = "there")]
    max_age_ms: Option<u64>,
    #[serde(deserialize_with = "there")]
    skew_ms: Option<u64>,
    chains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    checkpoint: String,
    #[serde(default, deserialize_with = "there")]
    requested: Option<u64>,
    #[serde(default, deserialize_with = "there")]
    received: Option<u64>,
}

/// An object and nothing else: a derived reader alone would also take an array of the members' values.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_map(OnlyMembers(PhantomData))
    }
}

struct OnlyMembers<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMembers<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// A member that is written has a value: `null` is none.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(member: D) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

impl Policy {
    /// Reads a file that is the whole policy.
    ///
    /// # Errors
    /// The first [`Misuse`] in their order, but for [`Misuse::Age`]: the clock is not in the file.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Misuse> {
        let (mut policy, mut found) = Self::begun_by_json(bytes)?;
        let max_age_ms = policy.max_age_ms.take();
        found.extend(policy.check().err());
        policy.max_age_ms = max_age_ms;
        found.into_iter().min().map_or(Ok(policy), Err)
    }

    /// Reads a file to which whoever calls adds more: beside the policy stands what is wrong with single items, which are left out of it. What only the whole policy
    /// shows (how many items, `upto`, the clock) is not looked at; [`Policy::check`] does that afterwards, and of all that was found the least is to be said.
    ///
    /// # Errors
    /// [`Misuse::Policy`], which comes before all others.
    pub fn begun_by_json(bytes: &[u8]) -> Result<(Self, Vec<Misuse>), Misuse> {
        if bytes.len() > limits::POLICY_BYTES_MAX {
            return Err(Misuse::Policy);
        }
        let Object(members): Object<Members> = serde_json::from_slice(bytes).map_err(|_| Misuse::Policy)?;
        if members.numbers().any(|number| number > limits::INDEX_MAX) {
            return Err(Misuse::Policy);
        }
        let mut found = Vec::new();
        let mut policy = Self {
            keys: kept(&mut found, members.keys.iter().map(|text| TrustedKey::parse(text))),
            references: kept(&mut found, members.references.iter().map(|Object(kept)| kept.to_reference())),
            upto: members.upto,
            revocations: kept(&mut found, members.revocations.iter().map(|text| statement(text))),
            max_age_ms: members.max_age_ms,
            chains: kept(&mut found, members.chains.iter().map(|text| ChainId::from_hex(text).ok_or(Misuse::Chain))),
            ..Self::default()
        };
        policy.skew_ms = members.skew_ms.unwrap_or(policy.skew_ms);
        if let Some(names) = &members.require {
            policy.require = Axis::set_of(names).unwrap_or_else(|misuse| {
                found.push(misuse);
                BTreeSet::new()
            });
        }
        Ok((policy, found))
    }
}

/// The items that can be read; what is wrong with the others goes to `found`.
fn kept<T>(found: &mut Vec<Misuse>, items: impl Iterator<Item = Result<T, Misuse>>) -> Vec<T> {
    items.filter_map(|item| item.map_err(|misuse| found.push(misuse)).ok()).collect()
}

impl Members {
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let times = self.references.iter().flat_map(|Object(kept)| [kept.requested, kept.received]);
        times.chain([self.upto, self.max_age_ms, self.skew_ms]).flatten()
    }
}

impl Kept {
    fn to_reference(&self) -> Result<Reference, Misuse> {
        let reference = Reference::parse(self.checkpoint.as_bytes())?;
        Ok(Reference { requested_ms: self.requested, received_ms: self.received, ..reference })
    }
}

fn statement(text: &str) -> Result<Statement, Misuse> {
    let bytes = Base64::decode_vec(text).map_err(|_| Misuse::Revocation)?;
    Statement::read(&bytes).map_err(|_| Misuse::Revocation)
}
