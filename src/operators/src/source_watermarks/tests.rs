use arrow::array::{RecordBatch, TimestampMillisecondArray};
use datafusion::physical_expr::expressions::Column;
use filbert_graph::ExprSpec;
use filbert_types::LogicalType;

use super::*;
use crate::output::Emitted;

fn watermarks(on_event: bool, idle_timeout_ms: Option<i64>, splits: &[&str]) -> SourceWatermarks {
    let mut watermarks = SourceWatermarks {
        expr: Arc::new(Column::new("t", 0)),
        on_event,
        interval_ms: 200,
        idle_timeout_ms,
        spec: SourceWatermarkSpec {
            watermark: ExprSpec {
                bytes: Vec::new(),
                text: "t".to_owned(),
                ty: LogicalType::from(filbert_types::TypeKind::timestamp(3)),
            },
            on_event,
            interval_ms: 200,
            idle_timeout_ms: None,
            alignment: None,
        },
        alignments: Arc::default(),
        alignment: None,
        tells_splits: true,
        splits: BTreeMap::new(),
        paused: BTreeSet::new(),
        sent: i64::MIN,
        idle: false,
        next_timer_ms: None,
    };
    for split in splits {
        watermarks.add_split(split, 0);
    }
    watermarks
}

/// The marks of a batch with these times.
fn marks(
    watermarks: &mut SourceWatermarks,
    split: &str,
    now_ms: i64,
    times: &[i64],
) -> Vec<(usize, i64)> {
    let times = TimestampMillisecondArray::from(times.to_vec());
    let rows = RecordBatch::try_from_iter([("t", Arc::new(times) as _)]).unwrap();
    let mut batch = ChangeBatch::insert(rows);
    let mut out = Output::new(100);
    watermarks
        .mark(&mut batch, Some(split), now_ms, &mut out)
        .unwrap();
    batch
        .marks
        .iter()
        .map(|m| (m.offset, m.watermark.0))
        .collect()
}

fn said(work: impl FnOnce(&mut Output)) -> Vec<String> {
    let mut out = Output::new(100);
    work(&mut out);
    let mut said = Vec::new();
    while let Some(emitted) = out.take() {
        said.push(match emitted {
            Emitted::Watermark(w) => format!("{}", w.0),
            Emitted::Idle(idle) => format!("idle {idle}"),
            other => format!("{other:?}"),
        });
    }
    said
}

#[test]
fn the_slowest_split_holds_the_source_back() {
    let mut w = watermarks(true, None, &["a", "b"]);
    assert_eq!(
        marks(&mut w, "a", 0, &[10, 30, 20]),
        [],
        "b has no rows yet"
    );
    assert_eq!(marks(&mut w, "b", 0, &[5, 4, 40]), [(1, 5), (3, 30)]);
    assert_eq!(marks(&mut w, "a", 0, &[35, 50]), [(1, 35), (2, 40)]);
    assert_eq!(said(|out| w.remove_split("b", out)), ["50"]);
    assert_eq!(said(|out| w.remove_split("a", out)), [""; 0]);
}

#[test]
fn by_the_clock_one_goes_out_an_interval() {
    let mut w = watermarks(false, None, &["a"]);
    assert_eq!(marks(&mut w, "a", 0, &[10, 30, 20]), []);
    assert_eq!(said(|out| w.timer(200, out)), ["30"]);
    assert_eq!(said(|out| w.timer(400, out)), [""; 0]);
    assert_eq!(w.next_timer(), Some(600));
}

#[test]
fn idle_splits_hold_nobody_back() {
    let mut w = watermarks(true, Some(1000), &["a", "b"]);
    assert_eq!(marks(&mut w, "a", 500, &[10]), []);
    assert_eq!(said(|out| w.timer(1000, out)), ["10"], "b is idle");
    assert_eq!(said(|out| w.timer(1500, out)), ["idle true"]);
    let times = TimestampMillisecondArray::from(vec![20]);
    let rows = RecordBatch::try_from_iter([("t", Arc::new(times) as _)]).unwrap();
    let mut batch = ChangeBatch::insert(rows);
    assert_eq!(
        said(|out| w.mark(&mut batch, Some("b"), 1600, out).unwrap()),
        ["idle false"]
    );
    assert_eq!(batch.marks.len(), 1, "a is idle still");
}

#[test]
fn splits_that_are_ahead_of_the_slowest_are_paused() {
    let spec = filbert_graph::spec::AlignmentSpec {
        group: "g".to_owned(),
        max_drift_ms: 100,
        update_interval_ms: 10,
    };
    let groups = Alignments::default();
    let other = groups.join(&spec, "other", 0);
    let mut two = watermarks(true, Some(1000), &["a", "b"]);
    two.alignment = Some(groups.join(&spec, "own", 0));
    other.tell(10_000);
    let paused = |two: &mut SourceWatermarks, now_ms: i64| {
        assert_eq!(two.wait_ms(now_ms), None);
        two.pause()
            .map(|ids| ids.iter().cloned().collect::<Vec<_>>())
    };
    marks(&mut two, "a", 0, &[500]);
    assert_eq!(
        paused(&mut two, 0),
        Some(vec!["a".to_owned()]),
        "b hasn't begun"
    );
    marks(&mut two, "b", 0, &[450]);
    assert_eq!(paused(&mut two, 20), Some(Vec::new()));
    marks(&mut two, "a", 0, &[600]);
    assert_eq!(paused(&mut two, 40), Some(vec!["a".to_owned()]));
    assert_eq!(paused(&mut two, 60), None, "nothing new");
    // What is paused isn't idle, and does not count as such when it goes on.
    said(|out| two.timer(5000, out));
    assert!(!two.splits["a"].idle && two.splits["b"].idle);
    two.remove_split("b", &mut Output::new(10));
    assert_eq!(
        paused(&mut two, 5020),
        Some(Vec::new()),
        "a is the slowest now"
    );
}
