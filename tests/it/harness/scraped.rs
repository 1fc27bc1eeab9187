//! A page of `/metrics`, as Prometheus would read it.

use std::collections::{BTreeMap, BTreeSet};

use super::{PATIENCE, Process, System};

/// What one scrape returned.
#[derive(Debug)]
pub(crate) struct Scraped(pub(crate) String);

impl Scraped {
    pub(crate) async fn of(system: &System, process: &Process) -> Self {
        let answer = system.http.get(process.url("/metrics")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Self(answer.text().await.unwrap())
    }

    /// Scrapes until the page is as wanted.
    pub(crate) async fn until(system: &System, process: &Process, wanted: impl Fn(&Self) -> bool) -> Self {
        let asking = async {
            loop {
                let scraped = Self::of(system, process).await;
                if wanted(&scraped) {
                    break scraped;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never so: {}", process.log()))
    }

    /// Every series with its value, as the text has them.
    pub(crate) fn series(&self) -> BTreeMap<&str, f64> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        let parsed = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            (series, value.parse().unwrap())
        });
        parsed.collect()
    }

    /// The value of a series, written as the text has it.
    pub(crate) fn figure(&self, series: &str) -> Option<f64> {
        self.series().get(series).copied()
    }

    /// The labels of each metric; histograms under their own name, without what all of them have.
    pub(crate) fn labels(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut found = BTreeMap::new();
        for series in self.series().into_keys() {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let name = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let labels = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0));
            found.entry(name).or_insert_with(BTreeSet::new).extend(labels.filter(|label| *label != "le"));
        }
        found
    }
}
