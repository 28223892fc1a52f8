"""Training and evaluation of waypoint policies: data, pre-training, behaviour cloning, reinforcement learning."""

import os

# Threads that wait for each other sleep instead of spinning. Spinning wins a little on an idle machine; where others
# use the cores, too, it made a step 20 times slower. OpenMP reads this when torch is loaded, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
