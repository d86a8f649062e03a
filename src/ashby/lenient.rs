//! Reading what Ashby leaves out. Some empty fields are absent and others are `null`, differently from object to object,
//! and most nested objects interest us for their id alone.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct HasId<T> {
    id: T,
}

#[derive(Deserialize)]
struct HasValue {
    value: String,
}

/// Reads `null` as the empty value; an absent field needs `#[serde(default)]` beside it.
pub(super) fn null_is_empty<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Reads the id of a nested object that is always there.
pub(super) fn id_of<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(HasId::deserialize(from)?.id)
}

/// Reads the id of a nested object that may be `null`.
pub(super) fn id_if_any<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<HasId<T>>::deserialize(from)?.map(|object| object.id))
}

/// Reads `[{"value": …}]`, Ashby's shape of contact details, as the values.
pub(super) fn values_of<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let details = Option::<Vec<HasValue>>::deserialize(from)?.unwrap_or_default();
    Ok(details.into_iter().map(|detail| detail.value).collect())
}

/// Reads `{"value": …}` as the value.
pub(super) fn value_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<HasValue>::deserialize(from)?.map(|detail| detail.value))
}
