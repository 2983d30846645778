"""Jobs and their runs: settings, orchestration of tasks, one process per task, outputs and logs."""
