//! Custom fields: which there are, and what is in them. Values are as JSON as Ashby has them: text, a number, a flag, the
//! value of an option (never its label), a list of those.

use std::fmt;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{
    AshbyClient, AshbyError, ErrorKind, endpoint, lenient::null_is_empty, words::open_words,
};
use crate::ids::FieldId;

/// How many pages of fields are read: far more fields than anybody keeps, and an end where a cursor leads in a circle.
const PAGES: usize = 50;

/// A custom field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomField {
    /// Its id.
    pub id: FieldId,
    /// Its title, which an admin may change and several may share.
    pub title: String,
    /// Of what it is a field.
    pub object_type: FieldObject,
    /// What it takes.
    pub field_type: FieldType,
    /// Whether an admin has put it away.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub is_archived: bool,
    /// What can be chosen; only of the two types that choose.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub selectable_values: Vec<Selectable>,
}

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selectable {
    /// What people see.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub label: String,
    /// What is kept.
    pub value: String,
    /// Whether an admin has put it away.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub is_archived: bool,
}

open_words! {
    /// What custom fields are of; the two that we write to.
    FieldObject {
        /// A person.
        Candidate,
        /// A person's consideration for a job.
        Application,
    }
}

open_words! {
    /// What a custom field takes; those that we write.
    FieldType {
        /// A line of text.
        String,
        /// Text of several lines.
        LongText,
        /// An e-mail address.
        Email,
        /// A telephone number.
        Phone,
        /// The address of a page, with its scheme.
        Url,
        /// A number.
        Number,
        /// Yes or no.
        Boolean,
        /// A moment, in ISO 8601.
        Date,
        /// One of several options.
        ValueSelect,
        /// Any of several options.
        MultiValueSelect,
    }
}

/// What is in a custom field, or is to be: `null` empties it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct FieldValue {
    /// The field.
    pub id: FieldId,
    /// What is in it.
    #[serde(default)]
    pub value: Value,
}

/// Names the field, never what is in it.
impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FieldValue").field(&self.id).finish()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    field_id: &'a FieldId,
    field_value: &'a Value,
}

impl AshbyClient {
    /// All custom fields, the archived ones too: that one is put away is worth telling (`customField.list`).
    pub async fn custom_fields(&self) -> Result<Vec<CustomField>, AshbyError> {
        let mut fields = Vec::new();
        let mut question = json!({ "includeArchived": true, "limit": 100 });
        for _ in 0..PAGES {
            let answer = self
                .call::<_, Vec<CustomField>>(endpoint::CUSTOM_FIELD_LIST, &question)
                .await?;
            fields.extend(answer.results);
            match (answer.more, answer.next_cursor) {
                (false, _) => return Ok(fields),
                (true, Some(cursor)) => question["cursor"] = cursor.into(),
                (true, None) => break,
            }
        }
        let message = "more custom fields are promised, and no cursor leads to their end";
        Err(AshbyError::new(
            endpoint::CUSTOM_FIELD_LIST,
            ErrorKind::Unreadable,
            message,
        ))
    }

    /// Sets fields of one object, all or none (`customField.setValues`). Doing it twice is the same as once. Two calls at
    /// once for one object take away from each other.
    pub async fn set_fields(
        &self,
        of: &FieldObject,
        id: &str,
        values: &[FieldValue],
    ) -> Result<(), AshbyError> {
        let written = values.iter().map(|set| Written {
            field_id: &set.id,
            field_value: &set.value,
        });
        let question = json!({
            "objectId": id, "objectType": of, "values": written.collect::<Vec<_>>(),
        });
        let asked = self.call::<_, IgnoredAny>(endpoint::CUSTOM_FIELD_SET_VALUES, &question);
        asked.await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_with_its_options_and_without() {
        let fields: Vec<CustomField> = serde_json::from_value(json!([
            {"id": "f-1", "isPrivate": false, "title": "Seniority", "objectType": "Candidate", "isArchived": false,
             "fieldType": "ValueSelect", "isRequired": false,
             "selectableValues": [{"label": "Staff", "value": "staff", "isArchived": true}]},
            {"id": "f-2", "title": "Pay", "objectType": "Offer", "isArchived": true, "fieldType": "Currency", "isRequired": true}
        ]))
        .unwrap();
        assert_eq!(fields[0].field_type, FieldType::ValueSelect);
        assert!(fields[0].selectable_values[0].is_archived);
        assert_eq!(fields[1].object_type.as_str(), "Offer");
        assert_eq!(fields[1].field_type.as_str(), "Currency");
    }

    #[test]
    fn what_is_in_a_field_is_never_printed() {
        let value: FieldValue =
            serde_json::from_value(json!({"id": "f-1", "title": "Mother", "value": "Annabella"}))
                .unwrap();
        assert!(!format!("{value:?}").contains("Annabella"));
    }
}
