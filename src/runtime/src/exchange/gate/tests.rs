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
    (InputGate::new(inputs, Arc::default()), channels)
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
