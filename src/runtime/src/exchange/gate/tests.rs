use std::task::Waker;

use arrow::datatypes::DataType;
use filbert_operators::testing::{batch, schema, text};

use super::*;

fn gate(channels: usize) -> (InputGate, Vec<Arc<Channel>>) {
    let channels: Vec<Arc<Channel>> = (0..channels)
        .map(|_| {
            Arc::new(Channel::new(
                false,
                Waker::noop().clone(),
                Waker::noop().clone(),
            ))
        })
        .collect();
    let inputs = channels.iter().map(|c| (0, Arc::clone(c))).collect();
    (
        InputGate::new(inputs, ReadOrder::AsItComes, Arc::default()),
        channels,
    )
}

fn rows(lines: &str) -> Element {
    Element::Batch(batch(&schema(&[DataType::Int64]), lines).unwrap())
}

/// What the gate gives until it has nothing, as text.
fn drain(gate: &mut InputGate) -> Vec<String> {
    std::iter::from_fn(|| gate.poll().unwrap())
        .map(|event| match event {
            GateEvent::Batch(_, batch) => text(&batch).unwrap().replace('\n', ", "),
            GateEvent::Watermark(w) => format!("@ {w}"),
            GateEvent::Idle(idle) => format!("idle {idle}"),
            GateEvent::Barrier(b) => format!("barrier {}", b.checkpoint_id),
            GateEvent::EndInput(i) => format!("end {i}"),
        })
        .collect()
}

#[test]
fn the_watermark_is_the_least_of_those_that_count() {
    let (mut gate, channels) = gate(2);
    channels[0].push(rows("+I 1\n@ 10\n+I 2\n@ 20"), 0).unwrap();
    assert_eq!(
        drain(&mut gate),
        ["+I 1, +I 2"],
        "the other channel has said nothing"
    );
    channels[1].push(rows("+I 3\n@ 15\n+I 4\n@ 30"), 0).unwrap();
    assert_eq!(drain(&mut gate), ["+I 3, @ 15, +I 4, @ 20"]);
    channels[0].push(Element::Idle, 0).unwrap();
    assert_eq!(drain(&mut gate), ["@ 30"], "an idle channel does not count");
    channels[1].push(Element::Idle, 0).unwrap();
    assert_eq!(drain(&mut gate), ["idle true"]);
    channels[0].push(Element::Active, 0).unwrap();
    channels[0]
        .push(Element::Watermark(Watermark(25)), 0)
        .unwrap();
    channels[0]
        .push(Element::Watermark(Watermark(40)), 0)
        .unwrap();
    assert_eq!(
        drain(&mut gate),
        ["idle false", "@ 40"],
        "the watermark never goes back"
    );
}

#[test]
fn barriers_are_aligned_also_with_channels_that_have_ended() {
    let (mut gate, channels) = gate(3);
    let barrier = Element::Barrier(Barrier {
        checkpoint_id: 7,
        timestamp_ms: 0,
    });
    channels[0].push(barrier.clone(), 0).unwrap();
    channels[0].push(rows("+I 9"), 0).unwrap();
    channels[1].push(rows("+I 1"), 0).unwrap();
    channels[2]
        .push(Element::EndOfData { drain: true }, 0)
        .unwrap();
    channels[2].push(Element::EndOfPartition, 0).unwrap();
    assert_eq!(drain(&mut gate), ["+I 1"], "rows behind a barrier wait");
    channels[1].push(barrier, 0).unwrap();
    assert_eq!(drain(&mut gate), ["barrier 7", "+I 9"]);
    for channel in &channels[..2] {
        channel.push(Element::EndOfData { drain: true }, 0).unwrap();
    }
    assert_eq!(drain(&mut gate), ["end 0"]);
    assert!(!gate.is_finished());
}

fn gate_in_turn() -> (InputGate, Vec<Arc<Channel>>) {
    let (_, channels) = gate(2);
    let inputs = channels.iter().cloned().enumerate().collect();
    (
        InputGate::new(inputs, ReadOrder::InTurn, Arc::default()),
        channels,
    )
}

#[test]
fn small_inputs_are_read_in_turn_whichever_comes_first() {
    let end = Element::EndOfData { drain: true };
    let sides = [
        [
            rows("+I 1\n@ 10\n+I 2\n+I 3"),
            end.clone(),
            Element::EndOfPartition,
        ],
        [rows("+I 11\n@ 5\n+I 12"), end, Element::EndOfPartition],
    ];
    let mut seen = Vec::new();
    for first in [0, 1] {
        let (mut gate, channels) = gate_in_turn();
        let mut events = Vec::new();
        for side in [first, 1 - first] {
            for element in &sides[side] {
                channels[side].push(element.clone(), 0).unwrap();
                events.extend(drain(&mut gate));
            }
        }
        seen.push(events);
    }
    let expected = [
        "+I 1",
        "+I 11, @ 5",
        "+I 2",
        "+I 12",
        "+I 3",
        "end 1",
        "end 0",
    ];
    assert_eq!(seen[0], expected);
    assert_eq!(seen[1], expected);
}

#[test]
fn a_channel_that_says_nothing_is_waited_for_a_moment() {
    let (mut gate, channels) = gate_in_turn();
    channels[1].push(rows("+I 1"), 0).unwrap();
    assert_eq!(drain(&mut gate), Vec::<String>::new());
    let patience = gate.patience().unwrap();
    std::thread::sleep(patience);
    assert_eq!(drain(&mut gate), ["+I 1"]);
    channels[1].push(rows("+I 2\n+I 3"), 0).unwrap();
    assert_eq!(drain(&mut gate), ["+I 2, +I 3"], "it is waited for no more");
    channels[0].push(rows("+I 11"), 0).unwrap();
    assert_eq!(drain(&mut gate), ["+I 11"]);
}

#[test]
fn a_full_channel_is_read_whose_ever_turn_it_is() {
    let (mut gate, channels) = gate_in_turn();
    let many = "+I 1\n".repeat(crate::exchange::channel::CHANNEL_ROWS_MAX);
    channels[1].push(rows(many.trim_end()), 0).unwrap();
    assert!(gate.poll().unwrap().is_some());
}

#[test]
fn no_row_overtakes_another_channels_watermark() {
    let (_, channels) = gate(2);
    let inputs = channels.iter().cloned().map(|c| (0, c)).collect();
    let mut gate = InputGate::new(inputs, ReadOrder::ByWatermark, Arc::default());
    channels[0]
        .push(rows("+I 1\n@ 10\n+I 2\n@ 20\n+I 3"), 0)
        .unwrap();
    assert_eq!(drain(&mut gate), ["+I 1"]);
    channels[1].push(rows("+I 11\n@ 5\n+I 12"), 0).unwrap();
    assert_eq!(drain(&mut gate), ["+I 11, @ 5", "+I 12"]);
    let watermark = Element::Watermark(Watermark(10));
    channels[1].push(watermark, 0).unwrap();
    assert_eq!(drain(&mut gate), ["@ 10", "+I 2"]);
    channels[1].push(Element::Idle, 0).unwrap();
    assert_eq!(drain(&mut gate), ["@ 20", "+I 3"]);
}
