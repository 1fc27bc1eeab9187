//! Days and months are those of the calendar.

use super::{
    fixture::{DAY, Fixture},
    model::{day, day_end, month_end},
};
use crate::{budget::Limits, timestamp::rfc3339};

#[tokio::test]
async fn days_and_months_begin_and_end_as_the_calendar_says() {
    let f = Fixture::start(Limits::default()).await;
    for (now, day, day_end, month_end) in [
        (0, "1970-01-01", "1970-01-02", "1970-02-01"),
        (951_782_399_999, "2000-02-28", "2000-02-29", "2000-03-01"),
        (951_782_400_000, "2000-02-29", "2000-03-01", "2000-03-01"),
        (951_868_800_000, "2000-03-01", "2000-03-02", "2000-04-01"),
        (1_709_208_000_123, "2024-02-29", "2024-03-01", "2024-03-01"),
        (1_767_225_599_999, "2025-12-31", "2026-01-01", "2026-01-01"),
        (1_767_225_600_000, "2026-01-01", "2026-01-02", "2026-02-01"),
        (1_798_761_599_999, "2026-12-31", "2027-01-01", "2027-01-01"),
        (4_107_542_399_999, "2100-02-28", "2100-03-01", "2100-03-01"),
        (4_107_542_400_000, "2100-03-01", "2100-03-02", "2100-04-01"),
        (13_574_563_200_000, "2400-02-29", "2400-03-01", "2400-03-01"),
    ] {
        let seen = f.periods(&[now]).await.remove(0);
        let midnight = |ms| rfc3339(ms).replace("T00:00:00.000Z", "");
        assert_eq!((seen.0.as_str(), midnight(seen.1), midnight(seen.2)), (day, day_end.into(), month_end.into()));
    }
}

#[tokio::test]
async fn every_day_of_the_century_is_right_from_its_first_to_its_last_millisecond() {
    let f = Fixture::start(Limits::default()).await;
    // 1999-12-22 to 2100-04-26.
    let days: Vec<u64> = (10_947..47_598).collect();
    for days in days.chunks(2_000) {
        let times: Vec<u64> = days.iter().flat_map(|n| [n * DAY, n * DAY + DAY - 1]).collect();
        let expected: Vec<_> = times.iter().map(|now| (day(*now), day_end(*now), month_end(*now))).collect();
        assert_eq!(f.periods(&times).await, expected);
    }
}
