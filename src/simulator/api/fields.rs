//! `customField.*`: definitions, and values on candidates, applications and jobs. Null clears a value. Nothing is written
//! to a field, nor chosen in one, that an admin has put away.

use chrono::DateTime;
use serde_json::Value;
use uuid::Uuid;

use super::{Request, applications, candidates};
use crate::simulator::{
    answer::{Answer, Refusal, Reply},
    input::{Field, Kind, required},
    paging::Pass,
    wire,
    world::{CustomField, FieldValues, World},
};

pub(super) fn list(world: &mut World, request: &Request) -> Answer {
    let filters = ["includeArchived"];
    let mut pass = Pass::open(world, "customField.list", &request.input, &filters)?;
    let archived = request.input.flag("includeArchived");
    let (ids, next) = pass.select(world, &world.custom_fields, |row| {
        archived || !row.item.is_archived
    });
    let rows = ids.iter().filter_map(|id| world.custom_fields.get(*id));
    let results = rows.map(wire::custom_field).collect();
    Ok(pass.close(world, results, next))
}

const OBJECT_TYPES: Kind = Kind::OneOf(&["Application", "Candidate", "Job", "Opening"]);

pub(super) const SET_VALUE: &[Field] = &[
    required("objectId", Kind::Id),
    required("objectType", OBJECT_TYPES),
    required("fieldId", Kind::Id),
    required("fieldValue", Kind::Anything),
];

pub(super) fn set_value(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let field = input.required_id("fieldId");
    let value = input.raw("fieldValue").cloned().unwrap_or_default();
    let mut set = set(world, request, &[(field, value)])?;
    Ok(Reply::of(set.pop().unwrap_or_default()))
}

const VALUE: &[Field] = &[
    required("fieldId", Kind::Id),
    required("fieldValue", Kind::Anything),
];

pub(super) const SET_VALUES: &[Field] = &[
    required("objectId", Kind::Id),
    required("objectType", OBJECT_TYPES),
    required("values", Kind::Objects(VALUE)),
];

/// All values or, where one of them is refused, none.
pub(super) fn set_values(world: &mut World, request: &Request) -> Answer {
    let values = request.input.objects("values");
    let values = values.iter().map(|value| {
        let content = value.raw("fieldValue").cloned().unwrap_or_default();
        (value.required_id("fieldId"), content)
    });
    let values: FieldValues = values.collect();
    if values.is_empty() {
        return Err(Refusal::invalid("values: expected at least one"));
    }
    Ok(Reply::of(set(world, request, &values)?))
}

fn set(
    world: &mut World,
    request: &Request,
    values: &[(Uuid, Value)],
) -> Result<Vec<Value>, Refusal> {
    let object_type = request.input.text("objectType").unwrap_or_default();
    for (field, value) in values {
        let field = world.custom_fields.item(*field);
        let field = field.filter(|field| field.object_type == object_type && !field.is_archived);
        let field = field.ok_or_else(|| Refusal::not_found("custom_field"))?;
        check_value(field, value)?;
    }
    let held = values_of(world, object_type, request.input.required_id("objectId"))?;
    for (field, value) in values {
        held.retain(|(other, _)| other != field);
        if !value.is_null() {
            held.push((*field, value.clone()));
        }
    }
    let rows = values.iter().filter_map(|(field, value)| {
        let row = world.custom_fields.get(*field)?;
        Some(wire::field_value(row, value))
    });
    Ok(rows.collect())
}

/// The values of an object, to be changed; the object is bumped.
fn values_of<'a>(
    world: &'a mut World,
    object_type: &str,
    id: Uuid,
) -> Result<&'a mut FieldValues, Refusal> {
    let held = match object_type {
        "Candidate" => {
            candidates::visible(world, id)?;
            let stamp = world.stamp();
            let candidate = world.candidates.edit(id, stamp);
            candidate.map(|candidate| &mut candidate.fields)
        }
        "Application" => {
            applications::visible(world, id)?;
            let stamp = world.stamp();
            let application = world.applications.edit(id, stamp);
            application.map(|application| &mut application.fields)
        }
        "Job" if world.shows_job(id) => {
            let stamp = world.stamp();
            world.jobs.edit(id, stamp).map(|job| &mut job.fields)
        }
        _ => None,
    };
    held.ok_or_else(|| Refusal::not_found(&object_type.to_lowercase()))
}

fn check_value(field: &CustomField, value: &Value) -> Result<(), Refusal> {
    let is_option = |value: &Value| {
        let mut options = field.options.iter().filter(|option| !option.is_archived);
        options.any(|option| value == &option.value)
    };
    let has_scheme = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    let fits = match field.field_type.as_str() {
        _ if value.is_null() => true,
        "Boolean" => value.is_boolean(),
        "Number" => value.is_number(),
        "Date" => value
            .as_str()
            .is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok()),
        "Url" => value.as_str().is_some_and(has_scheme),
        "ValueSelect" => is_option(value),
        "MultiValueSelect" => value
            .as_array()
            .is_some_and(|values| values.iter().all(is_option)),
        "Currency" | "NumberRange" | "CompensationRange" => value.is_object(),
        _ => value.is_string(),
    };
    if fits {
        Ok(())
    } else {
        Err(Refusal::invalid(format!(
            "fieldValue: does not fit a field of type {}",
            field.field_type
        )))
    }
}
