use arrow::datatypes::DataType;
use filbert_operators::testing::{batch, schema, text};

use super::*;

fn rows(lines: &str) -> Element {
    Element::Batch(batch(&schema(&[DataType::Int64, DataType::Utf8View]), lines).unwrap())
}

fn channel(blocking: bool) -> Channel {
    Channel::new(blocking, Waker::noop().clone(), Waker::noop().clone())
}

fn drain(channel: &Channel) -> Vec<String> {
    std::iter::from_fn(|| channel.pop().unwrap())
        .map(|(element, _)| match element {
            Element::Batch(batch) => text(&batch).unwrap().replace('\n', ", "),
            Element::EndOfPartition => "end".to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_channel_is_full_of_rows_or_of_bytes_but_takes_watermarks() {
    let channel = channel(false);
    channel.push(rows("+I 1 a"), CHANNEL_BYTES_MAX).unwrap();
    assert!(!channel.has_room());
    channel.push(Element::EndOfPartition, 0).unwrap();
    assert_eq!(drain(&channel), ["+I 1 a", "end"]);
    assert!(channel.has_room());
}

#[test]
fn a_blocking_channel_spills_and_gives_all_back_in_order() {
    let channel = channel(true);
    channel.push(rows("+I 1 a"), BLOCKING_BYTES_MAX).unwrap();
    channel.push(rows("-U 1 a\n@ 7\n+U 1 -"), 10).unwrap();
    channel.push(rows("+I 3 c"), 10).unwrap();
    channel.push(Element::EndOfPartition, 0).unwrap();
    assert!(channel.has_room());
    assert!(channel.queue.lock().spill.is_some());
    assert_eq!(
        drain(&channel),
        ["+I 1 a", "-U 1 a, @ 7, +U 1 -", "+I 3 c", "end"]
    );
}
