use arrow::datatypes::{DataType, Field, Schema};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::union::UnionExec;

use super::*;

fn rows(partitions: usize) -> Arc<dyn ExecutionPlan> {
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    Arc::new(PlaceholderRowExec::new(Arc::new(schema)).with_partitions(partitions))
}

fn hashed(input: Arc<dyn ExecutionPlan>, partitions: usize) -> Arc<dyn ExecutionPlan> {
    let key: Arc<dyn datafusion::physical_expr::PhysicalExpr> = Arc::new(Column::new("a", 0));
    let by = Partitioning::Hash(vec![key], partitions);
    Arc::new(RepartitionExec::try_new(input, by).unwrap())
}

fn merged(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    Arc::new(CoalescePartitionsExec::new(input))
}

fn two_branches() -> Arc<dyn ExecutionPlan> {
    let left = hashed(merged(rows(3)), 4);
    let right = hashed(rows(2), 4);
    merged(UnionExec::try_new(vec![left, right]).unwrap())
}

#[test]
fn pieces_are_numbered_from_the_root_and_from_the_left() {
    let cut = cut(&two_branches());
    let partitions: Vec<usize> = cut.pieces.iter().map(|p| p.partitions).collect();
    assert_eq!(partitions, [1, 8, 1, 3, 2]);
    let inputs = |piece: usize| -> Vec<(usize, &Exchange)> {
        let piece: &Piece = &cut.pieces[piece];
        piece
            .inputs
            .iter()
            .map(|i| (i.piece, &i.exchange))
            .collect()
    };
    let by_key = Exchange::Hash(vec![0]);
    assert_eq!(inputs(0), [(1, &Exchange::Merge)]);
    assert_eq!(inputs(1), [(2, &by_key), (4, &by_key)]);
    assert_eq!(inputs(2), [(3, &Exchange::Merge)]);
    assert!(inputs(3).is_empty() && inputs(4).is_empty());
}

#[test]
fn merging_one_partition_is_no_exchange() {
    assert_eq!(cut(&merged(rows(1))).pieces.len(), 1);
}

#[test]
fn wrapping_visits_the_pieces_that_cutting_found() {
    let plan = two_branches();
    let expected: Vec<usize> = cut(&plan).pieces.iter().map(|p| p.partitions).collect();
    let mut seen = vec![0; expected.len()];
    let wrapped = wrap_pieces(plan, &mut |number, root| {
        seen[number] = root.output_partitioning().partition_count();
        Ok(root)
    });
    assert!(wrapped.is_ok());
    assert_eq!(seen, expected);
}
