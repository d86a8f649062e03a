//! What a note says, out of what is known: the delivery that told of an activity, or what was done.

use super::{super::catalogue, Noting};
use crate::{
    dover::payload::{Activity, Document, Kind, Sentiment},
    ids::StageId,
    plan::{
        Departure, fields,
        notes::{Values, Variable, render},
        says::Dated,
    },
    store::{
        self,
        note::{Deed, Open},
    },
    sync::{SyncError, apply::Interrupted, fold::payload_paths},
};

/// What happened.
pub(super) enum Said<'a> {
    /// In Dover.
    Activity(Activity),
    /// In Ashby, by the service.
    Deed(&'a Deed),
}

impl Noting<'_> {
    /// The activity that a delivery tells of, read as the connection reads now. `None`: it is no longer kept, or no longer
    /// tells of one.
    pub(super) async fn told(&self, delivery: i64) -> Result<Option<Activity>, SyncError> {
        let (pool, connection) = (&self.scene.sync.pool, self.scene.connection);
        let original = store::delivery::original(pool, connection, delivery).await?;
        let connection = store::connection::by_id(pool, connection).await?;
        let Some((original, connection)) = original.zip(connection) else {
            return Ok(None);
        };
        let document = Document::of(&original.body);
        let read = document.read(&payload_paths(&connection)?);
        Ok(read.ok().and_then(|read| match read.kind {
            Kind::Activity(activity) => Some(*activity),
            _ => None,
        }))
    }

    /// What Dover says of the candidate that goes into no field, each by its name.
    pub(super) async fn without_place(&self) -> Result<Vec<(&str, &str)>, Interrupted> {
        let situation = &self.case.situation;
        let contact = &situation.dover.contact;
        let said = [
            ("Title", fields::Variable::Title, contact.title.as_ref()),
            (
                "Company",
                fields::Variable::Company,
                contact.company.as_ref(),
            ),
        ];
        let said = said
            .into_iter()
            .filter_map(|(name, variable, said)| Some((name, variable, said?.value.as_str())));
        let said: Vec<_> = said.collect();
        if said.is_empty() {
            return Ok(Vec::new());
        }
        let catalogue = catalogue(self.scene, self.ashby).await?;
        let placeless = fields::without_place(situation.policy.fields(), &catalogue);
        let lines = said
            .into_iter()
            .filter(|(_, variable, _)| placeless.contains(variable));
        Ok(lines.map(|(name, _, value)| (name, value)).collect())
    }
}

/// The note as HTML, with `lines` beneath it. `None`: there is nothing to say.
pub(super) fn html(
    noting: &Noting<'_>,
    note: &Open,
    said: &Said<'_>,
    lines: &[(&str, &str)],
) -> Option<String> {
    let values = about(noting, note);
    let values = match said {
        Said::Activity(activity) => values
            .with(Variable::Subject, activity.subject.as_deref())
            .with(Variable::Body, activity.body.as_deref())
            .with(Variable::Sentiment, activity.sentiment.map(Sentiment::word)),
        Said::Deed(deed) => with_deed(noting, values, deed),
    };
    let policy = &noting.case.situation.policy;
    render(&policy.note_template(note.event), &values, lines)
}

/// What holds of every note.
fn about(noting: &Noting<'_>, note: &Open) -> Values {
    fn value(said: Option<&Dated<String>>) -> Option<&str> {
        said.map(|said| said.value.as_str())
    }
    let contact = &noting.case.prospect.says.contact;
    let job = noting.scene.jobs.get(&noting.case.prospect.dover_job_id);
    let at = note.at.format("%-d %B %Y, %H:%M UTC").to_string();
    Values::default()
        .with(Variable::Kind, Some(note.event.said()))
        .with(Variable::At, Some(&at))
        .with(Variable::Candidate, value(contact.name.as_ref()))
        .with(Variable::Title, value(contact.title.as_ref()))
        .with(Variable::Company, value(contact.company.as_ref()))
        .with(Variable::Owner, value(contact.owner_email.as_ref()))
        .with(Variable::Job, job.map(|job| job.title.as_str()))
}

fn with_deed(noting: &Noting<'_>, values: Values, deed: &Deed) -> Values {
    let job = noting.scene.jobs.get(&noting.case.prospect.dover_job_id);
    let title = |id: Option<&StageId>| {
        let stage = job?.stages.iter().find(|stage| Some(&stage.id) == id);
        stage.map(|stage| stage.title.as_str())
    };
    let setup = &noting.scene.setup;
    let departures = [
        (&setup.withdrew, Departure::Withdrew),
        (&setup.rejected, Departure::Rejected),
    ];
    let reason = departures
        .into_iter()
        .find(|(id, _)| deed.reason.is_some() && deed.reason == **id)
        .map(|(_, departure)| departure.archive_reason());
    values
        .with(Variable::From, title(deed.from.as_ref()))
        .with(Variable::To, title(deed.to.as_ref()))
        .with(Variable::Reason, reason)
}
