defmodule MemoryOSBridge.HistoryTest do
  use BridgeCase

  alias MemoryOSBridge.ReleaseController, as: Controller

  defp part(name), do: Map.fetch!(MemoryOSBridge.document(), name)

  defp targets(count, extra \\ %{}),
    do: for(n <- 1..count, do: Map.merge(%{id: "agent-#{n}", records: 5}, extra))

  describe "migrate/2" do
    test "adds a migrated target and its records, and answers as MemoryOS does" do
      assert {:ok, %{migrated_count: 5, failed_count: 0}} = MemoryOSBridge.migrate(%{id: "a", records: 5})

      assert %{targets_succeeded: 1, targets_failed: 0, records_migrated: 5, records_failed: 0, last_at: at} =
               part(:migration)

      assert at > 0
    end

    test "counts a target with failed records as failed although MemoryOS answers ok" do
      assert {:ok, %{failed_count: 2}} = MemoryOSBridge.migrate(%{id: "a", records: 5, failing: 2})

      assert %{targets_succeeded: 0, targets_failed: 1, records_migrated: 3, records_failed: 2} =
               part(:migration)
    end

    test "counts the records before the one at which a migration was halted" do
      assert {:error, {:migration_failed, _, _}} =
               MemoryOSBridge.migrate(%{id: "a", records: 5, failing: 2}, on_error: :halt)

      assert %{targets_failed: 1, records_migrated: 4, records_failed: 1} = part(:migration)
    end

    test "counts a target that could not be read as failed" do
      assert MemoryOSBridge.migrate(%{id: nil}) == {:error, :namespace_required}
      assert %{targets_failed: 1, records_failed: 0} = part(:migration)
    end

    test "does not count a dry run, ok or not" do
      assert {:ok, %{migrated_count: 5}} = MemoryOSBridge.migrate(%{id: "a", records: 5}, dry_run: true)
      assert {:error, _} = MemoryOSBridge.migrate(%{id: nil}, dry_run: true)

      assert part(:migration) == %{
               targets_succeeded: 0,
               targets_failed: 0,
               records_migrated: 0,
               records_failed: 0,
               last_at: 0
             }
    end

    test "passes on what MemoryOS raises, and counts the target as failed" do
      assert_raise RuntimeError, "full", fn -> MemoryOSBridge.migrate(%{raises: "full"}) end
      assert catch_exit(MemoryOSBridge.migrate(%{exits: :noproc})) == :noproc
      assert %{targets_failed: 2} = part(:migration)
    end

    test "is what the drop-in facade does" do
      assert {:ok, _} = MemoryOSBridge.MemoryOS.migrate_legacy(%{id: "a", records: 5})
      assert {:ok, _} = MemoryOSBridge.MemoryOS.reconcile_legacy(%{id: "a", legacy: 1, memory_os: 1})
      assert part(:migration).targets_succeeded == 1
      assert part(:parity).equal == 1
    end
  end

  describe "reconcile_target/2" do
    test "remembers the direction in which a target differs" do
      for {id, legacy, memory_os} <- [{"a", 5, 5}, {"b", 6, 4}, {"c", 6, 10}, {"d", 0, 1}] do
        assert {:ok, %{legacy_count: ^legacy}} =
                 MemoryOSBridge.reconcile_target(%{id: id, legacy: legacy, memory_os: memory_os})
      end

      assert %{equal: 1, missing: 1, extra: 2, checked_at: at} = part(:parity)
      assert at > 0
    end

    test "counts a target once, by its last comparison" do
      MemoryOSBridge.reconcile_target(%{id: "a", legacy: 5, memory_os: 4})
      assert %{equal: 0, missing: 1, extra: 0} = part(:parity)
      MemoryOSBridge.reconcile_target(%{id: "a", legacy: 5, memory_os: 5})
      assert %{equal: 1, missing: 0, extra: 0} = part(:parity)
    end
  end

  test "every target is in one count, however many compare it at once" do
    compare = fn n ->
      for round <- 1..5_000,
          do: MemoryOSBridge.reconcile_target(%{id: "a", legacy: rem(n + round, 3), memory_os: 1})
    end

    1..8 |> Enum.map(&Task.async(fn -> compare.(&1) end)) |> Task.await_many(60_000)
    assert part(:parity) |> Map.take([:equal, :missing, :extra]) |> Map.values() |> Enum.sort() == [0, 0, 1]
  end

  describe "reconcile_post_rollback/3" do
    test "hands the targets over in batches and answers for all of them" do
      assert {:ok, summary} = Controller.reconcile_post_rollback(targets(45))
      assert %{targets: 45, successful: 45, failed: 0, migrated_count: 225, failed_records: 0} = summary
      assert Enum.map(summary.reports, & &1.target) == Enum.map(targets(45), & &1.id)

      assert asked(ReleaseController) |> Enum.filter(&is_tuple/1) |> Enum.reverse() == [
               reconcile: 20,
               reconcile: 20,
               reconcile: 5
             ]

      assert %{succeeded: 1, failed: 0, records_migrated: 225, records_failed: 0, running: false} =
               part(:reconciliation)
    end

    test "takes the size of a batch, and refuses one that is none" do
      assert {:ok, _} = Controller.reconcile_post_rollback(ReleaseController, targets(3), batch: 1)
      assert Enum.count(asked(ReleaseController), &(&1 == {:reconcile, 1})) == 3

      for wrong <- [0, -1, 1.5, nil],
          do:
            assert_raise(ArgumentError, ~r/batch/, fn ->
              Controller.reconcile_post_rollback(ReleaseController, targets(1), batch: wrong)
            end)
    end

    test "counts failed records although MemoryOS answers ok and failed: 0" do
      assert {:ok, %{failed: 0, failed_records: 6}} =
               Controller.reconcile_post_rollback(targets(3, %{failing: 2}))

      assert %{succeeded: 0, failed: 1, records_migrated: 9, records_failed: 6} = part(:reconciliation)
    end

    test "answers for all batches when targets failed" do
      assert {:error, {:reconciliation_failed, summary}} =
               Controller.reconcile_post_rollback(ReleaseController, targets(3, %{failing: 2}),
                 on_error: :halt,
                 batch: 2
               )

      assert %{targets: 3, successful: 0, failed: 3, migrated_count: 0, failed_records: 3} = summary
      assert %{succeeded: 0, failed: 1, records_migrated: 12, records_failed: 3} = part(:reconciliation)
    end

    test "without targets asks MemoryOS and counts nothing" do
      assert Controller.reconcile_post_rollback([]) == {:error, :targets_required}
      assert %{succeeded: 0, failed: 0, last_at: 0} = part(:reconciliation)
    end

    test "is running until its batch returns" do
      StandIn.stall(ReleaseController)
      run = Task.async(fn -> Controller.reconcile_post_rollback(targets(1)) end)
      eventually(fn -> part(:reconciliation).running end)
      StandIn.resume(ReleaseController)
      assert {:ok, _} = Task.await(run)
      refute part(:reconciliation).running
    end

    test "is over and failed when its caller was killed" do
      StandIn.stall(ReleaseController)
      caller = spawn(fn -> Controller.reconcile_post_rollback(targets(1)) end)
      eventually(fn -> part(:reconciliation).running end)
      Process.exit(caller, :kill)
      eventually(fn -> not part(:reconciliation).running end)
      assert %{failed: 1, succeeded: 0} = part(:reconciliation)
    end

    test "keeps the records of the batches before the one in which the controller died" do
      dying = [%{exits: :shutdown} | targets(1)]
      catch_exit(Controller.reconcile_post_rollback(ReleaseController, targets(2) ++ dying, batch: 2))
      assert %{failed: 1, records_migrated: 10, running: false} = part(:reconciliation)
    end
  end

  describe "evaluate_rollback/2" do
    @describetag release: [mode: :memory_os, rollout_stage: :global]
    @good %{latency_p95_ms: 120.5, error_rate: 0.01, queue_depth: 3}

    test "passes a sound snapshot on and counts the verdict" do
      assert Controller.evaluate_rollback(@good) == {:ok, :stable}

      assert {:ok, {:rollback, %{mode_after: :legacy}}} =
               Controller.evaluate_rollback(ReleaseController, %{@good | queue_depth: 201})

      assert %{stable: 1, rollback: 1, refused: 0, timeout: 0, error: 0, last_at: at} =
               part(:rollback_evaluations)

      assert at > 0
    end

    test "takes a keyword list and string keys" do
      assert Controller.evaluate_rollback(Keyword.new(@good)) == {:ok, :stable}
      strings = %{"latency_p95_ms" => 900, "error_rate" => 0, "queue_depth" => 0}
      assert {:ok, {:rollback, %{snapshot: %{latency_p95_ms: 900}}}} = Controller.evaluate_rollback(strings)
    end

    for {name, change, says} <- [
          {"an error rate in percent", %{error_rate: 3.2}, "error_rate is 3.2, not a share from 0 to 1"},
          {"a float queue depth", %{queue_depth: 250.0}, "queue_depth is 250.0, not a whole number"},
          {"strings", %{latency_p95_ms: "900"}, "latency_p95_ms is \"900\", not a number"},
          {"nil", %{queue_depth: nil}, "queue_depth is missing"},
          {"a negative latency", %{latency_p95_ms: -1}, "latency_p95_ms is -1, not a number"},
          {"a negative error rate", %{error_rate: -0.1}, "error_rate is -0.1"},
          {"a negative queue depth", %{queue_depth: -5}, "queue_depth is -5"}
        ] do
      test "refuses #{name}, which MemoryOS would call stable, and does not ask it" do
        assert {:error, {:invalid_snapshot, why}} =
                 Controller.evaluate_rollback(Map.merge(@good, unquote(Macro.escape(change))))

        assert why =~ unquote(says)
        assert %{refused: 1, stable: 0} = part(:rollback_evaluations)
      end
    end

    test "refuses what is no snapshot, and one with a missing input" do
      for wrong <- [nil, [], [1, 2], "snapshot", %{}, Map.delete(@good, :error_rate)] do
        assert {:error, {:invalid_snapshot, _why}} = Controller.evaluate_rollback(wrong)
      end

      assert part(:rollback_evaluations).refused == 6
    end

    @tag bridge: [rollback_timeout_ms: 60_000]
    test "waits longer than GenServer would" do
      StandIn.stall(ReleaseController, 5_200)
      assert {:ok, {:rollback, _}} = Controller.evaluate_rollback(%{@good | latency_p95_ms: 900})
      assert %{rollback: 1, timeout: 0} = part(:rollback_evaluations)
    end

    @tag bridge: [rollback_timeout_ms: 20, timeout_ms: 20]
    test "never calls a timeout stable: it says that the rollback may still happen" do
      StandIn.stall(ReleaseController)
      assert {:error, {:undecided, why}} = Controller.evaluate_rollback(%{@good | latency_p95_ms: 900})
      assert why =~ "may roll back"
      StandIn.resume(ReleaseController)
      eventually(fn -> ReleaseController.mode() == {:ok, :legacy} end)
      assert %{timeout: 1, stable: 0, rollback: 0} = part(:rollback_evaluations)
    end

    @tag bridge: [rollback_timeout_ms: 20, timeout_ms: 5_000]
    test "after a timeout answers the rollback that the status shows" do
      StandIn.stall(ReleaseController, 100)

      assert {:ok, {:rollback, %{mode_before: :memory_os}}} =
               Controller.evaluate_rollback(%{@good | latency_p95_ms: 900})

      assert %{timeout: 1} = part(:rollback_evaluations)
    end

    @tag bridge: [rollback_timeout_ms: 20, timeout_ms: 5_000]
    test "after a timeout does not take an older rollback for this one" do
      put_status(%{last_rollback: %{at: System.system_time(:millisecond) - 60_000}})
      StandIn.stall(ReleaseController, 100)
      assert {:error, {:undecided, _}} = Controller.evaluate_rollback(@good)
    end

    test "exits as it does without the bridge when the controller is dead, and counts an error" do
      stop_supervised!(ReleaseController)
      assert {:noproc, _} = catch_exit(Controller.evaluate_rollback(@good))
      assert %{error: 1, stable: 0} = part(:rollback_evaluations)
    end
  end

  describe "report/1" do
    test "adds results of every kind that were obtained elsewhere, as MemoryOS returned them" do
      at = System.system_time(:millisecond) - 5_000
      migrated = %{migrated_count: 5, failed_count: 0, dry_run: false, finished_at: at}

      reconciled = %{
        reports: [%{target: "a", status: :ok, report: %{migrated_count: 6, failed_count: 1, finished_at: at}}]
      }

      compared = %{target_id: "a", legacy_count: 6, memory_os_count: 4, compared_at: at}

      assert :ok =
               MemoryOSBridge.report([
                 {:ok, migrated},
                 {:ok, %{migrated | dry_run: true}},
                 {:error, {:migration_failed, %{}, %{migrated | failed_count: 1}}},
                 {:ok, reconciled},
                 {:ok, compared},
                 {:ok, :stable}
               ])

      document = MemoryOSBridge.document()

      assert document.migration == %{
               targets_succeeded: 1,
               targets_failed: 1,
               records_migrated: 10,
               records_failed: 1,
               last_at: at
             }

      assert %{succeeded: 0, failed: 1, records_migrated: 6, records_failed: 1, last_at: ^at} =
               document.reconciliation

      assert %{missing: 1, checked_at: ^at} = document.parity
      assert document.rollback_evaluations.stable == 1
    end

    test "does not set a time back when an old result is reported late" do
      MemoryOSBridge.migrate(%{id: "a", records: 1})
      at = part(:migration).last_at
      :ok = MemoryOSBridge.report({:ok, %{migrated_count: 1, failed_count: 0, finished_at: at - 60_000}})
      assert part(:migration).last_at == at
    end

    test "refuses what is no such result, and a list with one in it as a whole" do
      good = {:ok, %{migrated_count: 5, failed_count: 0}}

      for wrong <- [{:error, :namespace_required}, :ok, nil, %{}, {:ok, %{}}, {:ok, %{reports: nil}}] do
        assert {:error, why} = MemoryOSBridge.report([good, wrong])
        assert why =~ "not a result of migrate_target"
      end

      assert {:error, _why} = MemoryOSBridge.report(nil)
      assert part(:migration).targets_succeeded == 0
    end
  end

  describe "deprecated/2" do
    test "counts the calls of an API by its removal" do
      for _ <- 1..3, do: MemoryOSBridge.deprecated("Jido.MemoryOS.old/2", "0.3.0")
      MemoryOSBridge.deprecated("Jido.MemoryOS.stale?/0", "0.4")

      assert Enum.sort_by(part(:deprecations), & &1.api) == [
               %{api: "Jido.MemoryOS.old/2", removal: "0.3.0", calls: 3},
               %{api: "Jido.MemoryOS.stale?/0", removal: "0.4", calls: 1}
             ]
    end

    test "refuses names and releases of another shape" do
      for {api, removal} <- [
            {"old", "0.3.0"},
            {:old, "0.3.0"},
            {"Jido.old/2\n", "0.3.0"},
            {"Jido.old/2", "soon"},
            {"Jido.old/2", nil}
          ] do
        assert_raise ArgumentError, fn -> MemoryOSBridge.deprecated(api, removal) end
      end

      assert part(:deprecations) == []
    end
  end
end
