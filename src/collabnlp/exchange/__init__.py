"""What leaves for reviewers and what comes back of it: packs, what files say of their passages, and what that comes to."""
