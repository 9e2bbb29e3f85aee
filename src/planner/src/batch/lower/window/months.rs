use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};

use crate::error::PlanError;

/// Milliseconds to months and back, by projections: each step is a column, which the next ones read.
pub(super) struct Staged {
    pub plan: LogicalPlanBuilder,
    prefix: usize,
    steps: usize,
}

impl Staged {
    pub fn new(plan: LogicalPlanBuilder, prefix: usize) -> Staged {
        Staged {
            plan,
            prefix,
            steps: 0,
        }
    }

    /// Adds a column.
    fn step(mut self, expr: Expr) -> Result<(Staged, Expr), PlanError> {
        let name = format!("$month{}_{}", self.prefix, self.steps);
        let columns = self.plan.schema().columns().into_iter().map(Expr::Column);
        let columns: Vec<Expr> = columns.chain([expr.alias(&name)]).collect();
        self.plan = self.plan.project(columns)?;
        self.steps += 1;
        Ok((self, col(name)))
    }

    /// What is left of a column's value, never below 0, and how often `by` goes into it.
    fn divide(self, value: Expr, by: i64) -> Result<(Staged, Expr, Expr), PlanError> {
        let (staged, value) = self.step(value)?;
        let (staged, rest) = staged.step((value.clone() % lit(by) + lit(by)) % lit(by))?;
        let (staged, times) = staged.step((value - rest.clone()) / lit(by))?;
        Ok((staged, times, rest))
    }

    /// The month that a time in milliseconds lies in, from January 1970 on. Years are counted from March, so
    /// that the leap day is a year's last, and in eras of 400 of them, which are of equal length.
    pub fn month_of(self, time_ms: Expr) -> Result<(Staged, Expr), PlanError> {
        let (staged, days, _) = self.divide(time_ms, 86_400_000)?;
        let (staged, era, day) = staged.divide(days + lit(719_468i64), 146_097)?;
        let leap = |day: Expr, every: i64| day / lit(every);
        let year = day.clone() - leap(day.clone(), 1460) + leap(day.clone(), 36_524)
            - leap(day.clone(), 146_096);
        let (staged, year) = staged.step(year / lit(365i64))?;
        let before =
            lit(365i64) * year.clone() + year.clone() / lit(4i64) - year.clone() / lit(100i64);
        let month = (lit(5i64) * (day - before) + lit(2i64)) / lit(153i64);
        staged.step((year + era * lit(400i64)) * lit(12i64) + month + lit(2i64 - 12 * 1970))
    }

    /// The first instant of a month.
    pub fn start_of(self, month: Expr) -> Result<(Staged, Expr), PlanError> {
        let (staged, years, month) = self.divide(month + lit(12i64 * 1970 - 2), 12)?;
        let (staged, era, year) = staged.divide(years, 400)?;
        let day = year.clone() * lit(365i64) + year.clone() / lit(4i64) - year / lit(100i64)
            + (lit(153i64) * month + lit(2i64)) / lit(5i64);
        staged.step((era * lit(146_097i64) + day - lit(719_468i64)) * lit(86_400_000i64))
    }
}
