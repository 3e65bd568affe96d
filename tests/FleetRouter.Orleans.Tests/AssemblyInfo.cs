// Silos share the process's threads: one cluster at a time keeps their time-outs honest.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
