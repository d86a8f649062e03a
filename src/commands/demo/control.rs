//! The hiring team of the demo: everybody but us who uses the simulated Ashby, played over its control plane.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::ashby::http_client;

/// The control plane of a simulator.
#[derive(Debug)]
pub struct Control {
    http: reqwest::Client,
    base: String,
}

impl Control {
    /// That of the simulator at `addr`.
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            http: http_client(),
            base: format!("http://{addr}/_sim"),
        }
    }

    /// Adds what the integration needs and cannot create through Ashby's API.
    pub async fn furnish(&self) -> Result<()> {
        self.make(
            "sources",
            json!({ "title": "Dover", "sourceType": "Sourced" }),
        )
        .await?;
        self.make(
            "archive-reasons",
            json!({ "text": "Withdrew in Dover", "reasonType": "RejectedByCandidate" }),
        )
        .await?;
        self.make(
            "archive-reasons",
            json!({ "text": "Rejected in Dover", "reasonType": "RejectedByOrg" }),
        )
        .await?;
        Ok(())
    }

    /// Makes a thing and answers it.
    pub async fn make(&self, what: &str, body: Value) -> Result<Value> {
        self.ask(Method::POST, what, Some(body)).await
    }

    /// Everything that the organisation holds.
    pub async fn world(&self) -> Result<Value> {
        self.ask(Method::GET, "world", None).await
    }

    /// Every call that the API got.
    pub async fn calls(&self) -> Result<Vec<Value>> {
        let answer = self.ask(Method::GET, "calls", None).await?;
        Ok(answer["calls"].as_array().cloned().unwrap_or_default())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}/{path}", self.base));
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .context("the simulator does not answer")?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("the simulator refused {path}: {status} {text}");
        }
        Ok(if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)?
        })
    }
}
