"""Where on the free body MediaPipe sees its landmarks: shares of joints and ("@") of points of the skin.

Written by tools/calibrate_landmarks.py; the right side mirrors the left.
"""

SHARES: dict[str, dict[str, float]] = {
    "nose": {
        "@nose": 0.821,
        "head": 0.356,
        "neck": -0.177,
    },
    "left_eye_inner": {
        "@left_eye_inner": 1.279,
        "head": 0.066,
        "@nose": -0.277,
        "@left_ear": -0.068,
    },
    "left_eye": {
        "@left_eye": 1.13,
        "head": 0.168,
        "@nose": -0.216,
        "@left_ear": -0.082,
    },
    "left_eye_outer": {
        "@left_eye_outer": 1.376,
        "head": 0.281,
        "@nose": -0.394,
        "@left_ear": -0.263,
    },
    "left_ear": {
        "@left_ear": 0.52,
        "head": 0.1,
        "@nose": 0.12,
        "@left_eye": 0.26,
    },
    "mouth_left": {
        "@mouth_left": 0.631,
        "@nose": 0.253,
        "head": 0.061,
        "@left_ear": 0.055,
    },
    "left_shoulder": {
        "left_shoulder": 0.903,
        "left_collar": -0.023,
        "neck": 0.102,
        "left_elbow": 0.035,
        "spine3": -0.033,
        "right_shoulder": 0.016,
    },
    "left_elbow": {
        "left_elbow": 0.937,
        "left_shoulder": 0.046,
        "left_wrist": 0.017,
    },
    "left_wrist": {
        "left_wrist": 0.767,
        "left_elbow": 0.05,
        "left_middle1": 0.242,
        "left_pinky1": -0.059,
    },
    "left_hip": {
        "left_hip": 0.945,
        "right_hip": -0.027,
        "spine1": 0.259,
        "left_knee": 0.087,
        "pelvis": -0.284,
        "spine3": 0.02,
    },
    "left_knee": {
        "left_knee": 1.001,
        "left_hip": -0.015,
        "left_ankle": 0.014,
    },
    "left_ankle": {
        "left_ankle": 0.881,
        "left_knee": 0.065,
        "left_foot": 0.044,
        "@left_heel": 0.01,
    },
    "left_heel": {
        "@left_heel": 0.684,
        "left_ankle": 0.296,
        "@left_big_toe": 0.02,
    },
    "left_foot_index": {
        "@left_big_toe": 0.712,
        "@left_small_toe": 0.038,
        "left_foot": 0.15,
        "left_ankle": 0.1,
    },
    "left_pinky": {
        "left_pinky1": 0.111,
        "left_pinky2": 0.356,
        "left_wrist": 0.255,
        "left_index1": 0.278,
    },
    "left_index": {
        "left_index1": 0.041,
        "left_index2": 0.515,
        "left_wrist": 0.295,
        "left_pinky1": 0.149,
    },
    "left_thumb": {
        "left_thumb2": -0.352,
        "left_thumb3": 0.53,
        "left_thumb1": 0.792,
        "left_wrist": 0.03,
    },
    "left_hand_wrist": {
        "left_wrist": 0.885,
        "left_elbow": 0.003,
        "left_middle1": 0.082,
        "left_index1": 0.026,
        "left_pinky1": 0.004,
    },
    "left_hand_thumb_cmc": {
        "left_thumb1": 0.775,
        "left_wrist": 0.04,
        "left_thumb2": 0.352,
        "left_index1": -0.167,
    },
    "left_hand_thumb_mcp": {
        "left_thumb2": 0.993,
        "left_thumb1": -0.055,
        "left_thumb3": 0.037,
        "left_index1": 0.025,
    },
    "left_hand_thumb_ip": {
        "left_thumb3": 0.736,
        "left_thumb2": 0.199,
        "@left_thumb_tip": 0.065,
    },
    "left_hand_thumb_tip": {
        "@left_thumb_tip": 0.7,
        "left_thumb3": 0.19,
        "left_thumb2": 0.11,
    },
    "left_hand_index_mcp": {
        "left_index1": 0.801,
        "left_wrist": 0.103,
        "left_index2": 0.058,
        "left_middle1": 0.038,
    },
    "left_hand_index_pip": {
        "left_index2": 0.68,
        "left_index1": 0.102,
        "left_index3": 0.218,
    },
    "left_hand_index_dip": {
        "left_index3": 0.726,
        "left_index2": 0.116,
        "@left_index_tip": 0.158,
    },
    "left_hand_index_tip": {
        "@left_index_tip": 0.774,
        "left_index3": 0.144,
        "left_index2": 0.082,
    },
    "left_hand_middle_mcp": {
        "left_middle1": 0.867,
        "left_wrist": 0.107,
        "left_middle2": 0.1,
        "left_ring1": -0.074,
    },
    "left_hand_middle_pip": {
        "left_middle2": 0.744,
        "left_middle1": 0.122,
        "left_middle3": 0.134,
    },
    "left_hand_middle_dip": {
        "left_middle3": 0.57,
        "left_middle2": 0.267,
        "@left_middle_tip": 0.163,
    },
    "left_hand_middle_tip": {
        "@left_middle_tip": 0.765,
        "left_middle3": 0.078,
        "left_middle2": 0.157,
    },
    "left_hand_ring_mcp": {
        "left_ring1": 0.659,
        "left_wrist": 0.118,
        "left_ring2": 0.165,
        "left_middle1": 0.058,
    },
    "left_hand_ring_pip": {
        "left_ring2": 0.683,
        "left_ring1": 0.122,
        "left_ring3": 0.195,
    },
    "left_hand_ring_dip": {
        "left_ring3": 0.534,
        "left_ring2": 0.252,
        "@left_ring_tip": 0.214,
    },
    "left_hand_ring_tip": {
        "@left_ring_tip": 0.741,
        "left_ring3": 0.127,
        "left_ring2": 0.132,
    },
    "left_hand_pinky_mcp": {
        "left_pinky1": 0.674,
        "left_wrist": 0.114,
        "left_pinky2": 0.134,
        "left_ring1": 0.078,
    },
    "left_hand_pinky_pip": {
        "left_pinky2": 0.714,
        "left_pinky1": 0.142,
        "left_pinky3": 0.144,
    },
    "left_hand_pinky_dip": {
        "left_pinky3": 0.772,
        "left_pinky2": 0.115,
        "@left_pinky_tip": 0.113,
    },
    "left_hand_pinky_tip": {
        "@left_pinky_tip": 0.763,
        "left_pinky3": 0.131,
        "left_pinky2": 0.106,
    },
}
