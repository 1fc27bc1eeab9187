//! The limits of a group as they are shown.

use std::fmt;

use serde::Serialize;
use shared::{
    limiter::{Group, LimiterStatus, Withheld, WithheldReason},
    openai::LearnedParameters,
    timestamp::rfc3339,
};

use crate::output::plain;

/// Where the limits of a group stand.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    group: String,
    #[serde(flatten)]
    status: LimiterStatus,
    /// What refusals have taught about parameters, by address.
    parameters: Vec<LearnedParameters>,
}

impl Shown {
    pub(super) fn new(group: &Group, status: LimiterStatus, parameters: Vec<LearnedParameters>) -> Self {
        Self { group: group.as_str().to_owned(), status, parameters }
    }
}

impl Shown {
    /// What the upstream says, what narrows the limits, and whether they fit together.
    fn narrowed(&self) -> Vec<String> {
        let LimiterStatus { in_force, header_rpm, header_tpm, announced_rpm, announced_tpm, .. } = &self.status;
        let mut lines = Vec::new();
        if announced_rpm.is_some() || announced_tpm.is_some() {
            lines.push(format!(
                "upstream     announces rpm {}, tpm {}",
                number(*announced_rpm),
                number(*announced_tpm)
            ));
        }
        for (name, value) in [("rpm", header_rpm), ("tpm", header_tpm)] {
            if let Some(value) = value {
                lines.push(format!("narrowed     {name} to {value} by the upstream's headers"));
            }
        }
        if let Some(percent) = self.status.reservations_percent {
            let (whole, rest) = (percent / 100, percent % 100);
            lines.push(format!(
                "tokens       reservations are scaled by {whole}.{rest:02}: calls used more than was estimated"
            ));
        }
        let limit = |name: &str| in_force.get(name).copied().filter(|limit| *limit > 0);
        if let (Some(rpm), Some(tpm), Some(each)) = (limit("rpm"), limit("tpm"), self.status.tokens_per_call) {
            let tpm = header_tpm.map_or(tpm, |narrowed| tpm.min(narrowed));
            if let Some(calls) = tpm.checked_div(each).filter(|calls| *calls < rpm) {
                lines.push(format!(
                    "tokens       tpm {tpm} feeds {calls} calls of {each} tokens a window, and not rpm {rpm}"
                ));
            }
        }
        lines
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LimiterStatus { in_force, set, .. } = &self.status;
        let LimiterStatus { requests, tokens, in_flight, .. } = self.status;
        writeln!(f, "{}\n", plain(&self.group))?;
        writeln!(f, "{:<11}  {:>10}  {:>10}  {:>10}", "limit", "in force", "set", "used")?;
        for (name, used) in
            [("rpm", Some(requests)), ("rps", None), ("tpm", Some(tokens)), ("concurrency", Some(in_flight))]
        {
            let (in_force, set) = (limit(in_force.get(name)), limit(set.get(name)));
            writeln!(f, "{name:<11}  {in_force:>10}  {set:>10}  {:>10}", number(used))?;
        }
        writeln!(f)?;
        if let (Some(window), Some(guard)) = (in_force.get("window_ms"), in_force.get("guard_ms")) {
            writeln!(f, "window       {window} ms, and {guard} ms of guard")?;
        }
        writeln!(f, "learned rpm  {}", number(self.status.learned_rpm))?;
        for line in self.narrowed() {
            writeln!(f, "{line}")?;
        }
        let pause = self.status.pause_until_ms.map_or_else(none, |until| format!("until {}", rfc3339(until)));
        writeln!(f, "pause        {pause}")?;
        if let Some(Withheld { reason, until_ms }) = self.status.withheld {
            let why = match reason {
                WithheldReason::NewRedis => "this Redis is new",
                WithheldReason::RedisRecovery => "Redis was restarted or replaced, or its clock has stepped",
            };
            writeln!(f, "permits      none until {}: {why}", rfc3339(until_ms))?;
        }
        let workers = match (in_force.is_empty(), self.status.differ) {
            (true, _) => "none has announced limits: what is set holds when one does",
            (false, false) => "agree",
            (false, true) => "announce different limits: the lowest counts where none is set",
        };
        write!(f, "workers      {workers}")?;
        for LearnedParameters { host, parameters } in &self.parameters {
            for (name, value) in parameters {
                write!(f, "\nparameter    {}: {value}, after a refusal of {}", plain(name), plain(host))?;
            }
        }
        Ok(())
    }
}

fn none() -> String {
    "-".to_owned()
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(none, |number| number.to_string())
}

fn limit(value: Option<&u64>) -> String {
    if value == Some(&0) { "off".to_owned() } else { number(value.copied()) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn map(entries: &[(&str, u64)]) -> HashMap<String, u64> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    fn status() -> LimiterStatus {
        LimiterStatus {
            in_force: map(&[
                ("window_ms", 60_000),
                ("guard_ms", 100),
                ("rpm", 500),
                ("rps", 0),
                ("tpm", 90_000),
                ("concurrency", 20),
            ]),
            set: map(&[("rpm", 500)]),
            differ: false,
            requests: 12,
            tokens: 34_567,
            in_flight: 3,
            learned_rpm: None,
            header_rpm: None,
            header_tpm: None,
            announced_rpm: None,
            announced_tpm: None,
            reservations_percent: None,
            tokens_per_call: None,
            pause_until_ms: None,
            withheld: None,
        }
    }

    fn shown(status: LimiterStatus) -> Shown {
        Shown::new(&Group::new("openai", "gpt-6-luna"), status, Vec::new())
    }

    #[test]
    fn limits_stand_beside_what_was_set_and_what_is_used() {
        assert_eq!(
            shown(status()).to_string(),
            "openai:gpt-6-luna\n\
             \n\
             limit          in force         set        used\n\
             rpm                 500         500          12\n\
             rps                 off           -           -\n\
             tpm               90000           -       34567\n\
             concurrency          20           -           3\n\
             \n\
             window       60000 ms, and 100 ms of guard\n\
             learned rpm  -\n\
             pause        -\n\
             workers      agree"
        );
    }

    #[test]
    fn what_keeps_the_fleet_below_its_limits_is_told() {
        let held = LimiterStatus {
            differ: true,
            learned_rpm: Some(240),
            pause_until_ms: Some(1_709_208_000_123),
            withheld: Some(Withheld { reason: WithheldReason::NewRedis, until_ms: 1_709_208_004_123 }),
            ..status()
        };
        let text = shown(held).to_string();
        assert!(
            text.ends_with(
                "learned rpm  240\n\
                 pause        until 2024-02-29T12:00:00.123Z\n\
                 permits      none until 2024-02-29T12:00:04.123Z: this Redis is new\n\
                 workers      announce different limits: the lowest counts where none is set"
            ),
            "{text}"
        );
    }

    #[test]
    fn what_the_upstream_says_and_what_it_narrows_is_named() {
        let told = LimiterStatus {
            header_tpm: Some(30_000),
            announced_rpm: Some(500),
            announced_tpm: Some(30_000),
            reservations_percent: Some(140),
            tokens_per_call: Some(2_000),
            ..status()
        };
        let text = shown(told).to_string();
        for line in [
            "upstream     announces rpm 500, tpm 30000",
            "narrowed     tpm to 30000 by the upstream's headers",
            "tokens       reservations are scaled by 1.40: calls used more than was estimated",
            "tokens       tpm 30000 feeds 15 calls of 2000 tokens a window, and not rpm 500",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
    }

    #[test]
    fn parameters_that_were_refused_are_shown_by_address() {
        let parameters = [("temperature", "dropped"), ("output_cap", "2048")];
        let learned = LearnedParameters {
            host: "api.mistral.ai".to_owned(),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        let shown = Shown::new(&Group::new("openai", "m"), status(), vec![learned]);
        assert!(
            shown.to_string().ends_with(
                "workers      agree\n\
                 parameter    output_cap: 2048, after a refusal of api.mistral.ai\n\
                 parameter    temperature: dropped, after a refusal of api.mistral.ai"
            ),
            "{shown}"
        );
        let document = serde_json::to_value(shown).unwrap();
        assert_eq!(document["parameters"][0]["parameters"]["temperature"], "dropped");
    }

    #[test]
    fn without_a_worker_only_what_was_set_is_known() {
        let text = shown(LimiterStatus { in_force: HashMap::new(), ..status() }).to_string();
        assert!(text.contains("\nrpm                   -         500          12\n"), "{text}");
        assert!(!text.contains("window ") && text.contains("workers      none has announced"), "{text}");
    }

    #[test]
    fn the_document_has_the_group_beside_its_limits() {
        let document = serde_json::to_value(shown(status())).unwrap();
        assert_eq!(document["group"], "openai:gpt-6-luna");
        assert_eq!((&document["in_force"]["tpm"], &document["set"]["rpm"]), (&90_000.into(), &500.into()));
        assert_eq!((&document["differ"], &document["pause_until_ms"]), (&false.into(), &serde_json::Value::Null));
    }
}
