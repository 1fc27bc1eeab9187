//! Languages as they are spoken: with a region.

use super::Language;

/// Where a language is spoken unless something else is said: what the speech service has models for.
/// <https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=pronunciation-assessment>
const REGIONS: [(&str, &str); 25] = [
    ("ar", "SA"),
    ("ca", "ES"),
    ("da", "DK"),
    ("de", "DE"),
    ("en", "US"),
    ("es", "ES"),
    ("fi", "FI"),
    ("fr", "FR"),
    ("hi", "IN"),
    ("it", "IT"),
    ("ja", "JP"),
    ("ko", "KR"),
    ("ms", "MY"),
    ("nb", "NO"),
    ("nl", "NL"),
    ("no", "NO"),
    ("pl", "PL"),
    ("pt", "BR"),
    ("ru", "RU"),
    ("sv", "SE"),
    ("ta", "IN"),
    ("th", "TH"),
    ("vi", "VN"),
    ("yue", "HK"),
    ("zh", "CN"),
];

impl Language {
    /// The tag of the language as it is spoken somewhere, without its script: "en-GB"; for a language without a region that
    /// of most speakers. `None` where no region is known.
    ///
    /// ```
    /// # use shared::job::Language;
    /// let locale = |text| Language::parse(text).unwrap().locale();
    /// assert_eq!(["en-gb", "German", "zh-Hant-TW"].map(|text| locale(text).unwrap()), ["en-GB", "de-DE", "zh-TW"]);
    /// assert_eq!(locale("la"), None);
    /// ```
    #[must_use]
    pub fn locale(&self) -> Option<String> {
        let mut parts = self.tag.split('-');
        let language = parts.next()?;
        let named = parts.find(|part| part.len() < 4);
        let region = named.or_else(|| REGIONS.iter().find(|(of, _)| *of == language).map(|(_, region)| *region))?;
        // Norwegian is the macrolanguage of what the service knows as Bokmål.
        let language = if language == "no" { "nb" } else { language };
        Some(format!("{language}-{region}"))
    }
}
