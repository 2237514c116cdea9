// Torch has one random generator for the process: a network seeded in one test must not be disturbed by another test.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
