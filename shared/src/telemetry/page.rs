//! Counting, and the page in Prometheus' text format that shows what was counted.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::prometheus_text,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::Registry,
};

use super::{
    labels::LabelValue,
    metrics::{Metric, Sort},
};

/// The content type of a [`Page`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// What `/metrics` answers with.
#[derive(Debug, Default)]
pub struct Page(Registry);

/// Something of which each set of labels is counted apart: those of the metric, in its order.
type Labels<const N: usize> = [(&'static str, LabelValue); N];

fn labels<const N: usize>(metric: &Metric, values: [LabelValue; N]) -> Labels<N> {
    let mut names = metric.labels.iter();
    values.map(|value| (names.next().copied().unwrap_or_default(), value))
}

/// A metric that only grows.
#[derive(Debug, Clone)]
pub struct Counters<const N: usize> {
    metric: &'static Metric,
    family: Family<Labels<N>, Counter<f64, AtomicU64>>,
}

impl<const N: usize> Counters<N> {
    /// Counts for `metric`, which has `N` labels. Creates `series` with the value 0: `increase()` of
    /// Prometheus ignores the first value of a series, and would miss what it counted until then.
    #[must_use]
    pub fn new(metric: &'static Metric, series: impl IntoIterator<Item = [LabelValue; N]>) -> Self {
        debug_assert!(metric.labels.len() == N && metric.sort == Sort::Counter, "{}", metric.name);
        let counters = Self { metric, family: Family::default() };
        for values in series {
            counters.add(values, 0.0);
        }
        counters
    }

    /// Adds to the figure with these labels.
    pub fn add(&self, values: [LabelValue; N], number: f64) {
        self.family.get_or_create(&labels(self.metric, values)).inc_by(number);
    }

    /// Shows it; the client appends `_total` by itself.
    pub fn show(&self, page: &mut Page) {
        let name = self.metric.name.trim_end_matches("_total");
        page.0.register(name, self.metric.help, self.family.clone());
    }
}

/// A metric that goes up and down: as it is at the moment of a look.
#[derive(Debug, Clone)]
pub struct Gauges<const N: usize> {
    metric: &'static Metric,
    family: Family<Labels<N>, Gauge<f64, AtomicU64>>,
}

impl<const N: usize> Gauges<N> {
    /// Shows figures of `metric`, which has `N` labels.
    #[must_use]
    pub fn new(metric: &'static Metric) -> Self {
        debug_assert!(metric.labels.len() == N && metric.sort == Sort::Gauge, "{}", metric.name);
        Self { metric, family: Family::default() }
    }

    /// Sets the figure with these labels.
    pub fn set(&self, values: [LabelValue; N], number: f64) {
        self.family.get_or_create(&labels(self.metric, values)).set(number);
    }

    /// Shows it.
    pub fn show(&self, page: &mut Page) {
        page.0.register(self.metric.name, self.metric.help, self.family.clone());
    }
}

/// A metric that counts by size.
#[derive(Debug, Clone)]
pub struct Histograms<const N: usize> {
    metric: &'static Metric,
    family: Family<Labels<N>, Histogram, Bounds>,
}

/// The bounds of a new histogram.
#[derive(Debug, Clone, Copy)]
struct Bounds(&'static [f64]);

impl MetricConstructor<Histogram> for Bounds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl<const N: usize> Histograms<N> {
    /// Counts for `metric`, which has `N` labels. Creates `series` with the value 0, for the same
    /// reason as [`Counters::new`].
    #[must_use]
    pub fn new(metric: &'static Metric, series: impl IntoIterator<Item = [LabelValue; N]>) -> Self {
        debug_assert!(metric.labels.len() == N, "{}", metric.name);
        let bounds = match metric.sort {
            Sort::Histogram(bounds) => bounds,
            Sort::Counter | Sort::Gauge => &[],
        };
        let family = Family::new_with_constructor(Bounds(bounds));
        for values in series {
            drop(family.get_or_create(&labels(metric, values)));
        }
        Self { metric, family }
    }

    /// Counts one of this size.
    pub fn observe(&self, values: [LabelValue; N], size: f64) {
        self.family.get_or_create(&labels(self.metric, values)).observe(size);
    }

    /// Shows it.
    pub fn show(&self, page: &mut Page) {
        page.0.register(self.metric.name, self.metric.help, self.family.clone());
    }
}

impl Page {
    /// Shows a figure without labels that something else counts.
    pub fn gauge(&mut self, metric: &'static Metric, number: f64) {
        let gauges = Gauges::<0>::new(metric);
        gauges.set([], number);
        gauges.show(self);
    }

    /// The same of one that only grows.
    pub fn counter(&mut self, metric: &'static Metric, number: f64) {
        let counters = Counters::new(metric, [[]]);
        counters.add([], number);
        counters.show(self);
    }

    /// All that was shown, as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A String takes everything.
        let _ = prometheus_text::encode(&mut text, &self.0);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::{ATTEMPTS, JOB_WAIT, RUNNING};

    #[test]
    fn what_was_counted_is_shown_under_the_names_of_the_list() {
        let (attempts, waits) = (Counters::new(&ATTEMPTS, []), Histograms::new(&JOB_WAIT, []));
        attempts.add(["fail".into()], 1.0);
        attempts.add(["fail".into()], 2.0);
        waits.observe([], 0.1);
        let mut page = Page::default();
        attempts.show(&mut page);
        waits.show(&mut page);
        page.gauge(&RUNNING, 3.0);
        let text = page.text();
        for line in [
            "# TYPE unilingo_attempts_total counter",
            "unilingo_attempts_total{outcome=\"fail\"} 3.0",
            "unilingo_job_wait_seconds_bucket{le=\"0.05\"} 0",
            "unilingo_job_wait_seconds_bucket{le=\"+Inf\"} 1",
            "unilingo_worker_jobs 3.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn the_series_of_a_metric_begin_at_0() {
        let mut page = Page::default();
        Counters::new(&ATTEMPTS, [["fail".into()]]).show(&mut page);
        Histograms::new(&JOB_WAIT, [[]]).show(&mut page);
        let text = page.text();
        for line in [
            "unilingo_attempts_total{outcome=\"fail\"} 0.0",
            "unilingo_job_wait_seconds_count 0",
            "unilingo_job_wait_seconds_bucket{le=\"+Inf\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
