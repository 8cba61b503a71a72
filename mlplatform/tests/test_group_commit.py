import asyncio
import threading

import pytest
from django.db import IntegrityError, OperationalError

from mlplatform.core import event_loop, group_commit
from mlplatform.core.event_loop import NeedsThread
from mlplatform.core.group_commit import GroupCommit, GroupCommitOnLoop
from mlplatform.core.origin import current_job


class Commits:
    """Stands for the database: the first commit waits until `go` is set; `fail` makes commits raise."""

    def __init__(self):
        self.together = GroupCommit(self.commit)
        self.jobs = []
        self.is_committing, self.go = threading.Event(), threading.Event()
        self.fail = {}

    def commit(self, take):
        taken = take()
        self.jobs.append(taken)
        self.is_committing.set()
        assert self.go.wait(timeout=30)
        if error := self.fail.get(len(self.jobs)):
            raise error
        return [job * 10 for job in taken]

    def run_together(self, in_background):
        """Job 1 is committed alone; 2, 3 and 4 come meanwhile. Returns what each got."""
        outcomes = {}

        def run(job):
            try:
                outcomes[job] = self.together.run(job)
            except BaseException as error:  # noqa: B036 - the test looks at it
                outcomes[job] = error

        threads = [in_background(run, 1)]
        assert self.is_committing.wait(timeout=30)
        for job in (2, 3, 4):
            threads.append(in_background(run, job))
            while len(self.together._waiting) < job - 1:
                pass
        self.go.set()
        for thread in threads:
            thread.join(timeout=30)
        return outcomes


@pytest.fixture
def in_background():
    def start(function, *args):
        thread = threading.Thread(target=function, args=args)
        thread.start()
        return thread

    return start


def test_what_comes_during_a_commit_is_committed_together(in_background):
    commits = Commits()

    outcomes = commits.run_together(in_background)

    assert commits.jobs == [[1], [2, 3, 4]]
    assert outcomes == {1: 10, 2: 20, 3: 30, 4: 40}


def test_a_commit_that_fails_fails_all_of_it_once_and_the_next_one_succeeds(in_background):
    commits = Commits()
    commits.fail[2] = IntegrityError("disk image")
    commits.fail[2].__cause__ = cause = ValueError()

    outcomes = commits.run_together(in_background)

    assert commits.jobs == [[1], [2, 3, 4]]
    assert outcomes.pop(1) == 10
    assert {type(outcome) for outcome in outcomes.values()} == {IntegrityError}
    assert all(outcome.__cause__ is cause for outcome in outcomes.values())
    assert len({id(outcome) for outcome in outcomes.values()}) == 3
    assert commits.together.run(5) == 50


def test_an_interrupted_leader_hands_over_and_those_it_led_are_told_to_try_again(in_background):
    commits = Commits()
    commits.fail[2] = KeyboardInterrupt()

    outcomes = commits.run_together(in_background)

    assert isinstance(outcomes[2], KeyboardInterrupt)
    assert isinstance(outcomes[3], OperationalError)
    assert isinstance(outcomes[4], OperationalError)
    assert commits.together.run(5) == 50


def test_a_transaction_that_cannot_begin_fails_who_waits_for_it():
    def commit(take):
        raise OperationalError("database is locked")

    together = GroupCommit(commit)

    for _ in range(2):
        with pytest.raises(OperationalError, match="locked"):
            together.run(1)


class TestOnTheEventLoop:
    @pytest.fixture
    def commits(self):
        return CommitsOnLoop()

    def test_what_fits_together_is_committed_together_and_the_rest_after_it(self, commits):
        outcomes = commits.run_together()

        assert commits.jobs == [[1], [2, 4], [3]]
        assert outcomes == {1: 10, 2: 20, 3: 30, 4: 40}

    def test_what_arrives_at_about_the_same_time_is_committed_together(self, commits):
        async def arrive():
            first = asyncio.create_task(commits.outcomes_of(2))
            await asyncio.sleep(0)  # it has begun
            await asyncio.sleep(0)  # its commit would begin
            return {**await commits.outcomes_of(4), **await first}

        assert asyncio.run(arrive()) == {2: 20, 4: 40}
        assert commits.jobs == [[2, 4]]

    def test_what_is_too_much_for_one_commit_is_committed_in_several(self, commits, monkeypatch):
        monkeypatch.setattr(group_commit, "JOBS_TOGETHER_MAX", 2)

        outcomes = commits.run_all(2, 4, 6, 8, 10)

        assert commits.jobs == [[2, 4], [6, 8], [10]]
        assert outcomes == {2: 20, 4: 40, 6: 60, 8: 80, 10: 100}

    def test_a_commit_that_fails_fails_all_of_it_and_the_next_one_succeeds(self, commits):
        commits.fail[2] = IntegrityError("disk image")

        commits.fail[2].__cause__ = cause = ValueError()

        outcomes = commits.run_together()

        assert (outcomes[1], outcomes[3]) == (10, 30)
        assert type(outcomes[2]) is type(outcomes[4]) is IntegrityError
        assert outcomes[2] is not outcomes[4]
        assert outcomes[2].__cause__ is outcomes[4].__cause__ is cause

    def test_a_job_without_a_result_has_to_go_to_a_thread(self, commits):
        commits.results[2] = None

        outcomes = commits.run_all(2, 4)

        assert isinstance(outcomes[2], NeedsThread)
        assert outcomes[4] == 40

    def test_a_bug_is_logged_and_those_it_failed_are_told_to_try_again(self, commits, caplog):
        commits.fail[2] = ZeroDivisionError()

        outcomes = commits.run_together()

        assert {type(outcomes[job]) for job in (2, 4)} == {OperationalError}
        assert outcomes[3] == 30
        assert "ZeroDivisionError" in caplog.text
        assert commits.run_all(6) == {6: 60}

    def test_a_job_that_cannot_be_compared_is_committed_by_itself(self, commits, caplog):
        commits.together._fits = lambda job, others: 1 / 0

        outcomes = commits.run_all(2, 4)

        assert commits.jobs == [[2], [4]]
        assert outcomes == {2: 20, 4: 40}
        assert "ZeroDivisionError" in caplog.text

    def test_a_request_that_was_cancelled_does_not_fail_those_that_were_committed_with_it(self, commits):
        async def cancelled():
            commits.go.clear()
            tasks = [asyncio.create_task(event_loop.run(commits.together.run, job)) for job in (2, 4)]
            await commits.is_committing.wait()
            tasks[0].cancel()
            commits.go.set()
            return await asyncio.gather(*tasks, return_exceptions=True)

        first, second = asyncio.run(cancelled())

        assert isinstance(first, asyncio.CancelledError)
        assert second == 40

    def test_a_request_that_was_cancelled_before_its_commit_is_not_committed(self, commits):
        async def cancelled():
            tasks = [asyncio.create_task(event_loop.run(commits.together.run, job)) for job in (2, 4)]
            await asyncio.sleep(0)  # both wait
            tasks[0].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

        assert asyncio.run(cancelled())[1] == 40
        assert commits.jobs == [[4]]

    def test_a_commit_knows_nothing_of_the_request_that_began_it(self, commits):
        seen = []

        async def commit(jobs):
            seen.append(current_job.get())
            return jobs

        def request():
            current_job.set("of a request")
            return commits.together.run(2)

        commits.together._commit = commit
        asyncio.run(event_loop.run(request))

        assert seen == [None]


class CommitsOnLoop:
    """Even jobs and odd ones are not committed together."""

    def __init__(self):
        self.together = GroupCommitOnLoop(self.commit, lambda job, others: job % 2 == others[0] % 2)
        self.jobs, self.fail, self.results = [], {}, {}
        self.is_committing, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()

    async def commit(self, jobs):
        self.jobs.append(jobs)
        self.is_committing.set()
        await self.go.wait()
        if error := self.fail.get(len(self.jobs)):
            raise error
        return [self.results.get(job, job * 10) for job in jobs]

    def run_together(self) -> dict:
        """Job 1 is committed alone; 2, 3 and 4 come meanwhile. Returns what each got."""

        async def run():
            self.go.clear()
            first = asyncio.create_task(self.outcomes_of(1))
            await self.is_committing.wait()
            others = asyncio.create_task(self.outcomes_of(2, 3, 4))
            while len(self.together._waiting) < 3:
                await asyncio.sleep(0)
            self.go.set()
            return {**await first, **await others}

        return asyncio.run(run())

    def run_all(self, *jobs) -> dict:
        return asyncio.run(self.outcomes_of(*jobs))

    async def outcomes_of(self, *jobs) -> dict:
        running = [event_loop.run(self.together.run, job) for job in jobs]
        return dict(zip(jobs, await asyncio.gather(*running, return_exceptions=True), strict=True))
