//! Whom a call is about: by a name that stays the same from one attempt to the next, and from one run to another, where
//! ids do not.

use serde_json::Value;
use uuid::Uuid;

use super::world::World;

/// The name of the person, or the title of the job, that the request names; nobody where it is about a whole list.
pub(crate) fn whom(world: &World, body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let id = |field: &str| text(field).and_then(|id| Uuid::try_parse(id).ok());
    let person = |id| world.candidates.item(id).map(|person| person.name.clone());
    let applicant = |id| {
        let application = world.applications.item(id)?;
        person(application.candidate)
    };
    let job = |id| world.jobs.item(id).map(|job| job.title.clone());
    let plan = |id| world.plans.item(id).and_then(|plan| job(plan.job));
    let address = |address: &str| {
        let people = world.people_by_email.get(&address.to_lowercase())?;
        people.first().and_then(|id| person(*id))
    };
    text("name")
        .map(str::to_owned)
        .or_else(|| id("candidateId").and_then(person))
        .or_else(|| id("applicationId").and_then(applicant))
        .or_else(|| id("id").and_then(|id| person(id).or_else(|| job(id))))
        .or_else(|| id("jobId").and_then(job))
        .or_else(|| id("interviewPlanId").and_then(plan))
        .or_else(|| text("email").and_then(address))
}
