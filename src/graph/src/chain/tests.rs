use proptest::prelude::*;

use super::*;
use crate::spec::{CalcSpec, CollectSpec, OperatorSpec, ValuesSpec};

fn node(id: u32, name: &str, spec: OperatorSpec) -> StreamNode {
    StreamNode {
        id,
        uid: format!("{id:032x}"),
        name: name.to_owned(),
        description: name.to_owned(),
        spec,
        parallelism: 1,
        max_parallelism: None,
        output: Vec::new(),
        resources: ResourceSpec {
            cpu_cores: 0.5,
            heap_bytes: 10,
            managed_bytes: 1,
        },
        slot_sharing_group: "default".to_owned(),
        chaining: ChainingStrategy::Always,
    }
}

fn source(id: u32) -> StreamNode {
    let spec = OperatorSpec::Values(ValuesSpec { rows_ipc: vec![] });
    node(id, &format!("Source: t[{id}]"), spec)
}

fn calc(id: u32) -> StreamNode {
    let spec = OperatorSpec::Calc(CalcSpec {
        condition: None,
        projection: vec![],
        watermarks: false,
    });
    node(id, &format!("Calc[{id}]"), spec)
}

fn collect(id: u32) -> StreamNode {
    let spec = OperatorSpec::Collect(CollectSpec {
        result_id: id.to_string(),
    });
    node(id, &format!("Sink: s[{id}]"), spec)
}

fn edge(source: u32, target: u32) -> StreamEdge {
    StreamEdge {
        source,
        target,
        input: 0,
        partitioner: Partitioner::Forward,
        exchange: ExchangeMode::Pipelined,
        side_output: None,
    }
}

fn settings() -> JobSettings {
    JobSettings {
        job_id: "0".repeat(32),
        name: "test".to_owned(),
        job_type: JobType::Streaming,
        configuration: Configuration::default(),
        artifacts: BTreeMap::new(),
    }
}

fn names(job: &JobGraph) -> Vec<&str> {
    job.vertices.iter().map(|v| v.name.as_str()).collect()
}

fn line() -> StreamGraph {
    StreamGraph {
        nodes: vec![source(1), calc(2), collect(3)],
        edges: vec![edge(1, 2), edge(2, 3)],
    }
}

#[test]
fn forward_edges_of_equal_parallelism_chain_and_resources_add_up() {
    let job = chain(&line(), settings()).unwrap();
    assert_eq!(names(&job), ["Source: t[1] -> Calc[2] -> Sink: s[3]"]);
    assert_eq!(job.vertices[0].resources.heap_bytes, 30);
    assert_eq!(job.vertices[0].resources.managed_bytes, 3);
    assert_eq!(job.vertices[0].max_parallelism, 128);
    assert!(job.data_sets.is_empty());
}

#[test]
fn a_fork_is_named_as_flink_names_it() {
    let mut graph = line();
    graph.nodes.push(collect(4));
    graph.edges.push(edge(2, 4));
    let job = chain(&graph, settings()).unwrap();
    assert_eq!(
        names(&job),
        ["Source: t[1] -> Calc[2] -> (Sink: s[3], Sink: s[4])"]
    );
}

#[test]
fn every_condition_of_flinks_predicate_breaks_the_chain() {
    let broken = |change: &dyn Fn(&mut StreamGraph, &mut JobSettings)| {
        let (mut graph, mut settings) = (line(), settings());
        change(&mut graph, &mut settings);
        let job = chain(&graph, settings).unwrap();
        names(&job).join(" | ")
    };
    let after_source = "Source: t[1] | Calc[2] -> Sink: s[3]";
    let configured = |key: &'static str, value: &'static str| {
        move |_: &mut StreamGraph, s: &mut JobSettings| s.configuration.set(key, value)
    };
    assert_eq!(
        broken(&configured("pipeline.operator-chaining.enabled", "false")),
        "Source: t[1] | Calc[2] | Sink: s[3]"
    );
    assert_eq!(
        broken(&|g, _| g.nodes[0].slot_sharing_group = "other".to_owned()),
        after_source
    );
    assert_eq!(
        broken(&|g, _| g.nodes[0].chaining = ChainingStrategy::Never),
        after_source
    );
    assert_eq!(
        broken(&|g, _| g.nodes[1].chaining = ChainingStrategy::Head),
        after_source
    );
    assert_eq!(
        broken(&|g, _| g.nodes[2].chaining = ChainingStrategy::HeadWithSources),
        "Source: t[1] -> Calc[2] | Sink: s[3]"
    );
    assert_eq!(
        broken(&|g, _| g.nodes[1].chaining = ChainingStrategy::HeadWithSources),
        "Source: t[1] -> Calc[2] -> Sink: s[3]"
    );
    assert_eq!(
        broken(&|g, _| g.edges[0].partitioner = Partitioner::Rebalance),
        after_source
    );
    assert_eq!(
        broken(&|g, _| g.edges[0].exchange = ExchangeMode::Blocking),
        after_source
    );
    assert_eq!(
        broken(&|g, s| {
            g.nodes[0].max_parallelism = Some(4);
            s.configuration.set(
                "pipeline.operator-chaining.chain-operators-with-different-max-parallelism",
                "false",
            );
        }),
        after_source
    );
}

#[test]
fn several_edges_into_one_input_do_not_chain() {
    let mut graph = line();
    graph.nodes.push(source(4));
    graph.edges.push(edge(4, 2));
    let job = chain(&graph, settings()).unwrap();
    assert_eq!(
        names(&job),
        ["Source: t[1]", "Source: t[4]", "Calc[2] -> Sink: s[3]"]
    );
    assert_eq!(job.data_sets.len(), 2);
    assert!(job.edges.iter().all(|e| e.consumer == 2 && e.input == 0));
}

#[test]
fn max_parallelism_is_configured_checked_and_ranged() {
    let with = |value: &str, parallelism: usize| {
        let (mut graph, mut settings) = (line(), settings());
        graph
            .nodes
            .iter_mut()
            .for_each(|n| n.parallelism = parallelism);
        settings
            .configuration
            .set("pipeline.max-parallelism", value);
        chain(&graph, settings)
            .map(|job| job.vertices[0].max_parallelism)
            .map_err(|e| e.to_string())
    };
    assert_eq!(with("7", 2), Ok(7));
    assert_eq!(with("-1", 100), Ok(256));
    assert!(with("2", 3).unwrap_err().contains("more than its maximum"));
    assert!(with("0", 1).unwrap_err().contains("between 1 and 32768"));
}

#[test]
fn cycles_dangling_edges_and_gaps_are_refused() {
    let fails = |change: &dyn Fn(&mut StreamGraph)| {
        let mut graph = line();
        change(&mut graph);
        chain(&graph, settings()).unwrap_err().to_string()
    };
    assert!(fails(&|g| g.edges.push(edge(3, 2))).contains("cycle"));
    assert!(fails(&|g| g.edges.push(edge(2, 9))).contains("operator 9"));
    assert!(fails(&|g| g.edges[1].input = 1).contains("input 0 missing"));
    assert!(fails(&|g| g.nodes[1].parallelism = 2).contains("forward edge"));
    assert!(fails(&|g| g.edges.clear()).contains("has no input"));
    assert!(fails(&|g| g.nodes[2].id = 2).contains("the id 2"));
}

#[test]
fn uids_ignore_names_and_parallelism_and_tell_equals_apart() {
    let uids = |change: &dyn Fn(&mut StreamGraph)| {
        let mut graph = line();
        graph.nodes.push(calc(4));
        graph.edges.push(edge(1, 4));
        graph.nodes.push(collect(5));
        graph.edges.push(edge(4, 5));
        change(&mut graph);
        graph.assign_uids().unwrap();
        graph
            .nodes
            .iter()
            .map(|n| n.uid.clone())
            .collect::<Vec<_>>()
    };
    let plain = uids(&|_| {});
    assert_eq!(
        plain.iter().collect::<std::collections::HashSet<_>>().len(),
        5
    );
    assert_eq!(
        plain,
        uids(&|g| {
            g.nodes.iter_mut().for_each(|n| {
                n.name.push('x');
                n.parallelism = 3;
            });
        })
    );
    let changed = uids(&|g| {
        g.nodes[3].spec = OperatorSpec::Calc(CalcSpec {
            condition: None,
            projection: vec![crate::ExprSpec {
                bytes: vec![1],
                text: "a".to_owned(),
                ty: filbert_types::LogicalType::string(),
            }],
            watermarks: false,
        });
    });
    assert_eq!(plain[..3], changed[..3]);
    assert_ne!(plain[3], changed[3]);
    assert_ne!(plain[4], changed[4]);
}

#[test]
fn a_job_graph_survives_json() {
    let mut settings = settings();
    settings.configuration.set("parallelism.default", "2");
    settings
        .artifacts
        .insert("plan".to_owned(), vec![0, 255, 7]);
    let job = chain(&line(), settings).unwrap();
    let text = serde_json::to_string(&job).unwrap();
    assert_eq!(serde_json::from_str::<JobGraph>(&text).unwrap(), job);
}

#[test]
fn plans_have_flinks_field_names() {
    let mut graph = line();
    graph.nodes[1].description = "[2]:Calc(select=[a], where=[(a > 1)])".to_owned();
    insta::assert_snapshot!(
        "stream_graph_json",
        serde_json::to_string_pretty(&graph.to_plan_json().unwrap()).unwrap()
    );
    graph.edges[0].partitioner = Partitioner::Hash(vec![0]);
    let job = chain(&graph, settings()).unwrap();
    insta::assert_snapshot!(
        "job_graph_json",
        serde_json::to_string_pretty(&job.to_plan_json()).unwrap()
    );
}

/// A graph of sources, calcs in layers and sinks with random edges and partitioners.
fn arbitrary_graph() -> impl Strategy<Value = StreamGraph> {
    let partitioner = prop_oneof![
        3 => Just(Partitioner::Forward),
        1 => Just(Partitioner::Rebalance),
        1 => Just(Partitioner::Hash(vec![0])),
    ];
    let node = (any::<prop::sample::Index>(), partitioner, any::<bool>());
    prop::collection::vec(node, 1..20).prop_map(|picks| {
        let mut graph = StreamGraph {
            nodes: vec![source(0), source(1)],
            edges: vec![],
        };
        for (pick, partitioner, twice) in picks {
            let id = graph.nodes.len() as u32;
            let from = pick.index(graph.nodes.len()) as u32;
            graph.nodes.push(calc(id));
            graph.edges.push(StreamEdge {
                partitioner,
                ..edge(from, id)
            });
            if twice {
                graph.edges.push(edge(from / 2, id));
            }
        }
        graph
    })
}

proptest! {
    #[test]
    fn chaining_keeps_all_operators_and_edges(graph in arbitrary_graph()) {
        let job = chain(&graph, settings()).unwrap();
        let mut ids: Vec<u32> = job
            .vertices
            .iter()
            .flat_map(|v| v.chain.iter().map(|o| o.node.id))
            .collect();
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..graph.nodes.len() as u32).collect::<Vec<_>>());

        let mut edges: Vec<(u32, u32)> = job
            .edges
            .iter()
            .map(|e| {
                let set = &job.data_sets[e.data_set];
                let from = job.vertices[set.producer].chain[set.operator].node.id;
                (from, job.vertices[e.consumer].chain[0].node.id)
            })
            .collect();
        for vertex in &job.vertices {
            for operator in &vertex.chain {
                if let Some((up, _)) = operator.upstream {
                    edges.push((vertex.chain[up].node.id, operator.node.id));
                }
            }
        }
        edges.sort_unstable();
        let mut expected: Vec<(u32, u32)> =
            graph.edges.iter().map(|e| (e.source, e.target)).collect();
        expected.sort_unstable();
        prop_assert_eq!(edges, expected);
    }
}
