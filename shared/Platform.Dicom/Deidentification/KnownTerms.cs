using System.Collections.Frozen;

namespace Platform.Dicom.Deidentification;

/// <summary>
/// Words that name no person: defined terms of coded strings (PS3.3), of body parts (PS3.16 annex L), coding schemes and units, words of the names of
/// sequences, and manufacturers. A text is kept where all of it is known.
/// </summary>
internal static class KnownTerms
{
    private static readonly FrozenSet<string> Terms = Split(
        // Answers, flags, axes and directions.
        """
        YES,NO,Y,N,NONE,OTHER,UNKNOWN,MIXED,UNDEFINED,NOT_APPLICABLE,ON,OFF,00,01,1,2,3,4,M,F,O,U,A,P,R,L,H,AP,PA,LL,RL,LR,AL,AR,PL,PR,FP,AF,PF,AH,PH,LP,LA,RA,RP,
        HF,HL,HR,FL,FR,LF,RF,LH,RH,AFL,AFR,PFL,PFR,X,Y,Z,B,I,S,D,C,ROW,COL,COLUMN,BOTH,LEFT,RIGHT,ANTERIOR,POSTERIOR,CW,CC,CCW,UPRIGHT,RECUMBENT,SEMI,
        HFP,HFS,HFDR,HFDL,FFDR,FFDL,FFP,FFS,LFP,LFS,RFP,RFS,AFDR,AFDL,PFDR,PFDL,SINGLE,MULTIPLE,FULL,PARTIAL,AUTO,MANUAL,MANU,AUTOMATIC,SEMIAUTOMATIC,
        START,END,BEGIN,PRE,POST,BEFORE,AFTER,HIGH,LOW,NORMAL,REVERSE,IDENTITY,INVERSE,LINEAR,LINEAR_EXACT,SIGMOID,CONSTANT,VARIABLE,TIME,CNTS,CNTS+DENS,DENS,POSITION,
        TRIG,REAL,IMAGINARY,MAGNITUDE,PHASE,PORTRAIT,LANDSCAPE,COLOR,COLOUR,MONOCHROME,TRUE_COLOR,RANGE,CENTER,ALTERED,UNALTERED,MODIFIED,UNMODIFIED,REMOVED,
        """
            // Modalities and kinds of image.
            + """
            MR,CT,PT,NM,US,CR,DX,MG,IO,PX,RF,XA,XC,ES,GM,SM,OT,SC,SEG,SR,PR,KO,REG,FID,RWV,PLAN,RTIMAGE,RTDOSE,RTSTRUCT,RTPLAN,RTRECORD,ECG,EPS,HD,AU,DOC,M3D,OCT,OPT,OP,
            BI,BDUS,BMD,CFM,DMS,EC,EEG,EMG,EOG,HC,IVUS,IVOCT,KER,LEN,LS,OAM,OPM,OPTBSV,OPTENF,OPV,OSS,POS,RESP,RG,SMR,SRF,STAIN,TG,VA,ASMT,ANN,ARCHIVE,
            ORIGINAL,DERIVED,PRIMARY,SECONDARY,AXIAL,LOCALIZER,REFORMATTED,RESAMPLED,PROJECTION IMAGE,MPR,MIP,MINIP,MAX_IP,MIN_IP,MEAN,AVERAGE,SUBTRACTION,SUBTRACTED,
            ADDITION,MULTIPLICATION,DIVISION,RATIO,MASKED,FILTERED,CURVED,VOLUME,SAMPLED,DISTORTED,MEDIAN,MODE,STD_DEVIATION,VOLUME_RENDER,SURFACE_RENDER,MPR_THICK,
            ND,NORM,DIS2D,DIS3D,DIS3D_M,MFSPLIT,MOSAIC,FM,FM3_2,FIL,PHASE MAP,MAG,M_FFE,M_SE,M_IR,M_TFE,M_B0,M_B1,M_PCA,R_FFE,I_FFE,P_FFE,R_IR,I_IR,P_IR,R_SE,I_SE,P_SE,PHASE_FFE,
            FFE,TFE,TSE,SE,IR,GR,EP,RM,GRE,SPGR,SSFP,PCA,B0,B1,B0 MAP,B1 MAP,FIELD_MAP,VELOCITY,VELOCITY MAP,VELOCITY_MAP,M_PCA,W,IP,OP,WATER,FAT,IN_PHASE,OUT_PHASE,INPHASE,
            T1,T2,T2*,T2_STAR,T1 MAP,T2 MAP,T2_STAR MAP,PD,PROTON_DENSITY,FLAIR,STIR,FLUID_ATTENUATED,STATIC,R1,R2,R2*,R2_STAR,SWI,MIP_SWI,MINIP_SWI,PHA,QUANTITY,MAP,
            DIFFUSION,DIFFUSION_ANISO,ADC,FA,TRACEW,TRACE,TENSOR,TENSOR_B0,COLFA,EXP,EADC,CALC_BVALUE,ISOTROPIC,DIRECTIONAL,BMATRIX,ANISO,DWI,PERFUSION,PERFUSION_ASL,
            ASL,TTP,RCBF,RCBV,MTT,TMAX,PBP,RCBF_MAP,CBF,CBV,FMRI,MOCO,T-MAP,EVAREPORT,MCSF,SUB,CINE,CARDIAC,GATED,CARDIAC_GATED,RESPIRATORY_GATED,RESP_GATED,DYNAMIC,STRESS,
            REST,ANGIO,ANGIO_TIME,TOF,TIME_OF_FLIGHT,PHASE_CONTRAST,METABOLITE_MAP,SPECTROSCOPY,FLOW_ENCODED,TAGGING,DIXON,MAGNETIZATION_TRANSFER,DIFFUSION_WEIGHTED,
            SPIN,SPIN_ECHO,GRADIENT,EMISSION,TRANSMISSION,TOMO,RECON TOMO,RECON GATED TOMO,GATED TOMO,WHOLE BODY,STATIC,TOMO,IMAGE,SW,SINGLE PLANE,BIPLANE A,BIPLANE B,
            CSA MPR,CSAPARALLEL,CSA RESAMPLED,CSA 3D EDITOR,CSA REPORT,SCREEN SAVE,SCREENSHOT,CT_SOM5 SEQ,CT_SOM5 SPI,CT_SOM5 TOP,CT_SOM7 SPI,SPI,SEQ,HELIX,MONOENERGETIC,ENERGY,
            ENERGY_PROP_WT,MATERIAL_REMOVED,SPIRAL,SEQUENCED,CONSTANT_ANGLE,STATIONARY,FREE,EPICARDIAL,PRODUCT,RESEARCH,SERVICE,MAPPED,GDC,SENSE,DRB,DRG,DRS,
            LAST_B,SYNTHETIC,DENOISED,ML,AI,VMI,IODINE,SERIES,STUDY,HU,MGML,MM2,DL,
            """
            // Acquisition.
            + """
            SK,MTC,SS,TRSS,SP,MP,OSP,PER,RG,CG,PPG,FC,PFF,PFP,FS,CT,FAT_SAT,SAT1,SAT2,SATT,SFS,ARC,ASSET,ACC_GEMS,EDR_GEMS,FILTERED_GEMS,EPI_GEMS,FAST_GEMS,HYPERBAND_GEMS,
            IR_GEMS,NPW,NP,NW,VASCTOF_GEMS,VASCFLOW_GEMS,FC_FREQ_AX_GEMS,FC_SLICE_AX_GEMS,FC_VERT_EXTREM,PROP,SEQ_GEMS,TRF_GEMS,WE,DIFF_GEMS,PHASE_GEMS,MULTIECHO,RESP_TRIG,
            TRIGGERED,2D,3D,1D,VE11,AXIAL MODE,HELICAL MODE,SCOUT MODE,CINE MODE,SEGMENTED,INTERLEAVED,PROSPECTIVE,RETROSPECTIVE,PACED,REALTIME,BREATH_HOLD,NAVIGATOR,GATING,
            TRACKING,PHASE_ORDERING,PHASE_SCANNING,CENTROID,RECTILINEAR,RADIAL,SPIRAL,STACK_OF_RADIAL,PROPELLER,LISSAJOUS,ELLIPTICAL,RING,WEDGE,RIESZ,COSINE,COSINE_SQUARED,
            HAMMING,HANNING,HAMM,LORENTZIAN,LRNTZ_GSS_TRNSFM,GAUSSIAN,TAYLOR,LONGITUDINAL,TRANSVERSE,TRANSVERSAL,CORONAL,SAGITTAL,OBLIQUE,CENTRIC,REVERSE_LINEAR,
            REVERSE_CENTRIC,ALTERNATE_CENTRIC,SPATIAL,SLAB,SELECTIVE,GRID,LINE,PARALLEL,SURFACE,MULTICOIL,BODY,HEAD,VOLUME,EXTREMITY,1H,3HE,7LI,13C,19F,23NA,31P,129XE,PILS,
            SMASH,GRAPPA,SMS,CAIPIRINHA,FREQUENCY,SLICE_SELECT,SLICE,FREQ,SLICE_AND_FREQ,ACCELERATION,RF,GRADIENT,STATIC FIELD,STATIC_FIELD,RF_AND_GRADIENT,MULTI,COMBINED,
            IEC,FDA,MHW,IEC_NORMAL,IEC_FIRST_LEVEL,IEC_SECOND_LEVEL,IEC_WHOLE_BODY,IEC_HEAD,IEC_LOCAL,IEC_PARTIAL_BODY,SMR_B1RMS,SMR_BORELOCAL,DB_DT,ELECTRIC_FIELD,
            PER_NERVE_STIM,LUNG,HELICAL,XRAY,COPPER,ALUMINUM,LEAD,FLAT,STRIP,BUTTERFLY,XYZ_EC,XYZ,OFF_CENTER,ENERGY_INTEGRATING,PHOTON_COUNTING,DRAGGED,INSERTED,
            CORR,DECY,ATTN,SCAT,DTIM,MOTN,PMOT,CLN,RAN,RADL,DCAL,NORM,UNIF,LIN,NRGY,FLIP,CNTR,BQML,CNTS,GML,PROPCNTS,PROPCPS,CPS,1PS,2PS,PCS,MSP,STEP AND SHOOT,CONTINUOUS,DLYD,SING,
            BRANCHED,ACQ TIME,ADMIN,SUV,BW,LBM,BSA,LBMJANMA,IBW,SUVBW,FIXED,PULSE,MONOPOLAR,BIPOLAR,HELMET,CPMG,SPOILED,FLEET,STEADY_STATE,FREE_PRECESSION,TRANSVERSE,
            TIME_REVERSED,ECG,PULSE_OX,RESP,EXTERNAL,INTERNAL,BELT,NASAL_PROBE,CO2_SENSOR,NAVIGATOR,MR_PHASE,OPTICAL_TRACKING,DELAY,EXPIRATION,INSPIRATION,ORAL,RECTAL,IV,
            INTRAVENOUS,INTRAARTERIAL,AUTOMATED,BOLUS,DURING,DELAYED,ARTERIAL,VENOUS,PORTAL_VENOUS,NATIVE,FAST,SLOW,MEDIUM,STANDARD,DETAIL,BONE,SOFT,SHARP,SMOOTH,
            """
            // Pixels, segments, reports.
            + """
            MONOCHROME1,MONOCHROME2,PALETTE COLOR,RGB,YBR_FULL,YBR_FULL_422,YBR_PARTIAL_420,YBR_PARTIAL_422,YBR_ICT,YBR_RCT,XYB,HSV,ARGB,CMYK,ISO_10918_1,ISO_14495_1,ISO_15444_1,
            ISO_15444_15,ISO_13818_2,ISO_14496_10,ISO_23008_2,ISO_18181_1,WSD,DV,DI,DF,SI,SD,SYN,DRW,OD,BINARY,FRACTIONAL,LABELMAP,PROBABILITY,OCCUPANCY,CONTAINS,HAS ACQ CONTEXT,
            HAS CONCEPT MOD,HAS OBS CONTEXT,HAS PROPERTIES,INFERRED FROM,SELECTED FROM,CODE,COMPOSITE,CONTAINER,DATE,DATETIME,NUM,PNAME,SCOORD,SCOORD3D,TCOORD,TEXT,UIDREF,
            WAVEFORM,TABLE,SEPARATE,POINT,MULTIPOINT,POLYLINE,CIRCLE,ELLIPSE,ELLIPSOID,POLYGON,SEGMENT,BEGIN,COMPLETE,VERIFIED,UNVERIFIED,PRELIMINARY,FINAL,CREATED,
            UNAPPROVED,APPROVED,REJECTED,MEASUREMENT,ISO_IR 192,DCM,DCMR,SCT,SRT,SNM3,99SDM,SNOMED,UCUM,LN,NCIT,FMA,MA,UMLS,RADLEX,NEU,BARI,ICD10,RXNORM,ITIS_TSN,IBSI,QIBA,PATIENT,
            SLIDE,FINITE_VOLUME,TETRAHEDRON,SOURCE,TARGET,PROPERTY,DETECTOR,LINEAR ACCELERATOR,ORGAN,MODE_A,COORDINATES,SITE,GY,RELATIVE,PHYSICAL,EFFECTIVE,ERROR,FRACTION,
            RECORD,BEAM,CONTROL_POINT,CURRENT,HUB,PARENT,CHILD,ACTIVE,INACTIVE,DISCONTINUED,COMPLETED,IN PROGRESS,ABORTED,TREATMENT,STAT,ROUTINE,URGENT,MEDIAL,
            PHYSIO,ENUMERATED,INTEGER,FLOAT,US,ml,mm,cm,cm2,m,ms,s,mm2,mm3,cm3,/mm2,mm2/s,um2/s,s/mm2,T,mT,Hz,kHz,MHz,deg,rad,%,{ratio},{counts},[hnsf'U],kg,g,mg,kV,mA,mAs,mGy,Bq/ml,1/s,
            1/min,ml/min,ml/100ml/s,mmHg,no units,
            """
            // Body parts.
            + """
            ABDOMEN,ABDOMENPELVIS,ADRENAL,ANKLE,AORTA,ARM,AXILLA,BACK,BLADDER,BRAIN,BREAST,BRONCHUS,BUTTOCK,CALCANEUS,CALF,CAROTID,CEREBELLUM,CERVIX,CHEEK,CHEST,CHESTABDOMEN,
            CHESTABDPELVIS,CIRCLEOFWILLIS,CLAVICLE,COCCYX,COLON,CORNEA,CORONARYARTERY,CSPINE,CTSPINE,DUODENUM,EAR,ELBOW,ESOPHAGUS,EXTREMITY,EYE,EYELID,FACE,FEMUR,FINGER,FOOT,
            GALLBLADDER,HAND,HEADNECK,HEART,HIP,HUMERUS,IAC,ILEUM,ILIUM,JAW,JEJUNUM,KIDNEY,KNEE,LARYNX,LEG,LIVER,LSPINE,LSSPINE,LUMBAR SPINE,LUNG,MAXILLA,MEDIASTINUM,MOUTH,
            NECK,NECKCHEST,NECKCHESTABDOMEN,NECKCHESTABDPELV,NOSE,ORBIT,ORBITS,OVARY,PANCREAS,PAROTID,PATELLA,PELVIS,PENIS,PHARYNX,PITUITARY,PROSTATE,RECTUM,RIB,SACRUM,SCALP,
            SCLERA,SCROTUM,SHOULDER,SIJOINT,SINUS,SKULL,SPINE,SPLEEN,SSPINE,STERNUM,STOMACH,TESTIS,THIGH,THUMB,THYMUS,THYROID,TLSPINE,TMJ,TOE,TONGUE,TRACHEA,TSPINE,UPRARM,
            URETER,URETHRA,UTERUS,VAGINA,VULVA,WHOLEBODY,WHOLESPINE,WRIST,WHOLE_BODY,UTERUS,CEREBRUM,BRAINSTEM,LESION,TUMOR
            """
    );

    private static readonly FrozenSet<string> Words = Split(
        """
        2d,3d,4d,abdomen,adc,add,agent,anat,angio,ankle,anterior,ap,arterial,asl,asset,average,ax,axial,b0,b1,background,bilateral,biliary,bladder,blade,blood,body,bold,
        bolus,bone,brain,brainstem,bravo,breast,breath,bw,c,caipirinha,calibration,cardiac,carotid,cbf,cbv,ce,cerebellum,cervical,chest,ciss,cine,cmrr,contrast,cor,coronal,coronary,cortex,
        cranial,cranium,csf,ct,cube,cv,cyst,de,delayed,derived,diff,diffusion,dir,dixon,dose,dti,dual,dwi,dyn,dynamic,dynava,echo,edema,eeg,elbow,enhanced,ep2d,epi,ex,external,
        fa,face,fast,fat,fatsat,fe,femur,ffe,fiesta,field,fieldmap,fl2d,fl3d,flair,flash,flow,fmri,foot,fov,fs,fse,fspgr,func,functional,gad,gadolinium,gd,grappa,gre,
        hand,haste,head,heart,hip,hippocampus,hires,hr,iac,images,in,inner,ip,ir,iso,isotropic,iv,kernel,kidney,knee,l,lava,left,lesion,limb,liver,loc,localiser,localizer,
        lower,lspine,lumbar,lung,map,mapit,mask,max,mb,medulla,memp2rage,mip,mosaic,motion,mp2rage,mpr,mprage,mra,mrcp,mri,mrs,mrv,multi,native,navigator,neck,neuro,noise,
        nonlinear,norm,oblique,op,opposed,optic,orbit,orbits,out,p2,pancreas,parallel,pc,pd,pediatric,pelvis,perf,perfusion,phase,pilot,pituitary,plain,plane,post,posterior,pre,
        prostate,pwi,radial,recon,reformat,repeat,resolve,rest,resting,right,routine,rs,sag,sagittal,scan,scout,se,seg,sense,sense1,series,shoulder,signal,sinus,skull,slab,
        slice,smartbrain,sms,soft,space,spair,spgr,spin,spinal,spine,spleen,ssfp,stack,standard,star,state,stem,stir,stomach,structural,structure,study,sub,sum,survey,sw,swi,system,
        t1,t1w,t1wi,t2,t2star,t2w,t2wi,task,temporal,test,tfe,tfl,tfl3d,thalamus,thick,thigh,thin,thoracic,thorax,thrive,thyroid,time,tir,tirm,tissue,tof,tra,trace,tracew,transverse,
        trufi,tse,tumor,tumour,twist,ultra,unit,upper,vein,venous,ventricle,vessel,vibe,view,vista,vol,volume,water,weighted,whole,wm,wrist,xl,zte
        """
    );

    /// <summary>What a maker is called, by what its names contain.</summary>
    private static readonly (string Part, string Name)[] Manufacturers =
    [
        ("siemens", "SIEMENS"),
        ("ge medical", "GE MEDICAL SYSTEMS"),
        ("ge healthcare", "GE MEDICAL SYSTEMS"),
        ("philips", "Philips"),
        ("toshiba", "TOSHIBA"),
        ("canon", "CANON"),
        ("hitachi", "Hitachi"),
        ("fujifilm", "FUJIFILM"),
        ("united imaging", "UIH"),
        ("uih", "UIH"),
        ("bruker", "Bruker"),
        ("esaote", "ESAOTE"),
        ("hyperfine", "Hyperfine"),
        ("neusoft", "Neusoft"),
        ("mindray", "Mindray"),
        ("samsung", "Samsung"),
        ("shimadzu", "Shimadzu"),
        ("carestream", "Carestream"),
        ("agfa", "Agfa"),
        ("hologic", "Hologic"),
        ("varian", "Varian"),
        ("elekta", "Elekta"),
    ];

    /// <summary>Whether it is a defined term.</summary>
    public static bool IsTerm(string value) => Terms.Contains(value);

    /// <summary>
    /// The coded string where it is a defined term or empty; else those of its parts, between underscores, that are, since vendors put terms together.
    /// Null where none is.
    /// </summary>
    public static string? TermOf(string value)
    {
        if (value.Length == 0 || IsTerm(value))
        {
            return value;
        }
        var known = string.Join('_', value.Split('_').Where(IsTerm));
        return known.Length > 0 ? known : null;
    }

    /// <summary>The known words of a text, in their order, with a space between; empty where it has none.</summary>
    public static string WordsOf(string text) =>
        string.Join(
            ' ',
            string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) ? c : ' '))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Where(word => Words.Contains(word.ToLowerInvariant()))
        );

    /// <summary>What a known manufacturer is called; null where it is none.</summary>
    public static string? Manufacturer(string text) =>
        Manufacturers
            .FirstOrDefault(maker => text.Contains(maker.Part, StringComparison.OrdinalIgnoreCase))
            .Name;

    private static FrozenSet<string> Split(string list) =>
        list.Split(
                [',', '\n', '\r'],
                StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries
            )
            .ToFrozenSet(StringComparer.Ordinal);
}
