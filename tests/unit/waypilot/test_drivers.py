from __future__ import annotations

from dataclasses import replace

from waypilot.drivers import ExpertDriver
from waypilot.scenarios import load_suite


def test_the_expert_drives_as_fast_as_each_scenario_asks():
    slow = replace(load_suite("standard")[0], target_speed_mps=3.0)
    fast = replace(slow, target_speed_mps=9.0)
    driver = ExpertDriver()
    policies = [driver.policy_for(scenario) for scenario in (slow, fast)]
    assert [policy.config.target_speed_mps for policy in policies] == [3.0, 9.0]
    assert driver.cameras == ()
