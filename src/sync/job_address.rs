//! Which Ashby job an admin means, who gives its id or pastes its address.

use url::Url;
use uuid::Uuid;

use crate::ids::AshbyJobId;

/// The job that an id, or the address of a job as pasted from Ashby, names.
pub(super) fn ashby_job_id(text: &str) -> Option<AshbyJobId> {
    let text = text.trim();
    if let Ok(id) = Uuid::parse_str(text) {
        return Some(AshbyJobId(id.hyphenated().to_string()));
    }
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let url = url.ok()?;
    let host = url.host_str()?;
    if host != "ashbyhq.com" && !host.ends_with(".ashbyhq.com") {
        return None;
    }
    // The id follows a segment that names jobs: .../jobs/<id>/..., .../job/<id>.
    let mut path = url.path_segments()?.peekable();
    while let Some(segment) = path.next() {
        let names_jobs = matches!(segment, "jobs" | "job");
        if let (true, Some(id)) = (
            names_jobs,
            path.peek().and_then(|next| Uuid::parse_str(next).ok()),
        ) {
            return Some(AshbyJobId(id.hyphenated().to_string()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8f4d1f1e-3c0a-4a35-9b7c-2f6a1d5e0b11";

    #[test]
    fn an_id_or_a_pasted_address_names_the_job() {
        for text in [
            ID.to_owned(),
            ID.to_uppercase(),
            format!("  {ID}\n"),
            format!("https://app.ashbyhq.com/jobs/{ID}"),
            format!("https://app.ashbyhq.com/jobs/{ID}/overview?tab=plan#x"),
            format!("app.ashbyhq.com/job/{ID}/"),
            format!("https://app.ashbyhq.com/admin/jobs/{ID}/edit"),
        ] {
            assert_eq!(
                ashby_job_id(&text),
                Some(AshbyJobId(ID.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_names_none() {
        for text in [
            String::new(),
            "Engineer".to_owned(),
            "12345".to_owned(),
            "https://app.ashbyhq.com/jobs/engineer".to_owned(),
            format!("https://example.com/jobs/{ID}"),
            format!("https://ashbyhq.com.example.com/jobs/{ID}"),
            format!("https://app.ashbyhq.com/candidates/{ID}"),
        ] {
            assert_eq!(ashby_job_id(&text), None, "{text}");
        }
    }
}
